using System.Collections.Concurrent;

namespace Durable.Host.Store;

/// <summary>Wakes waits within this process: clients waiting for an instance, and the engine after a client's message.</summary>
internal sealed class InstanceSignals
{
    private readonly ConcurrentDictionary<(string InstanceId, bool Completion), TaskCompletionSource> waits = new();

    /// <summary>Raised when a client of this process sent a message or started an instance.</summary>
    public event Action? Sent;

    /// <summary>Ids with waiting clients.</summary>
    public IReadOnlyCollection<string> Waited => [.. waits.Keys.Select(key => key.InstanceId).Distinct()];

    /// <summary>Completes when the instance has started, or with <paramref name="completion"/> has ended.</summary>
    public Task Next(string instanceId, bool completion) =>
        waits
            .GetOrAdd((instanceId, completion), static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))
            .Task;

    /// <summary>The instance has started, ended or disappeared.</summary>
    public void Changed(string instanceId, bool ended)
    {
        Wake(instanceId, completion: false);
        if (ended)
        {
            Wake(instanceId, completion: true);
        }
    }

    /// <summary>A client of this process sent a message.</summary>
    public void Tell() => Sent?.Invoke();

    private void Wake(string instanceId, bool completion)
    {
        if (waits.TryRemove((instanceId, completion), out TaskCompletionSource? wait))
        {
            wait.TrySetResult();
        }
    }
}
