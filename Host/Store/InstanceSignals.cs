using System.Collections.Concurrent;

namespace Durable.Host.Store;

/// <summary>Wakes waits within this process: clients that wait for an instance, and the engine when a client has sent something.</summary>
internal sealed class InstanceSignals
{
    private readonly ConcurrentDictionary<(string InstanceId, bool Completion), TaskCompletionSource> waits = new();

    /// <summary>Raised when a client of this process sent a message or started an instance.</summary>
    public event Action? Sent;

    /// <summary>Ids somebody waits for.</summary>
    public IReadOnlyCollection<string> Waited => [.. waits.Keys.Select(key => key.InstanceId).Distinct()];

    /// <summary>Completes when the instance has begun, or with <paramref name="completion"/> has ended.</summary>
    public Task Next(string instanceId, bool completion) =>
        waits
            .GetOrAdd((instanceId, completion), static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))
            .Task;

    /// <summary>The instance has begun, or has ended (or is gone).</summary>
    public void Changed(string instanceId, bool ended)
    {
        Wake(instanceId, completion: false);
        if (ended)
        {
            Wake(instanceId, completion: true);
        }
    }

    /// <summary>A client of this process sent something.</summary>
    public void Tell() => Sent?.Invoke();

    private void Wake(string instanceId, bool completion)
    {
        if (waits.TryRemove((instanceId, completion), out TaskCompletionSource? wait))
        {
            wait.TrySetResult();
        }
    }
}
