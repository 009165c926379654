using System.Collections.Concurrent;

namespace Durable.Host.Store;

/// <summary>Wakes waits within this process: clients that wait for an instance, and the engine when a client has sent something.</summary>
internal sealed class InstanceSignals
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> waits = new(StringComparer.Ordinal);

    /// <summary>Raised when a client of this process sent a message or started an instance.</summary>
    public event Action? Sent;

    /// <summary>Completes with the next change of the instance that this process makes or hears of.</summary>
    public Task NextChange(string instanceId) =>
        waits.GetOrAdd(instanceId, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>The instance started or ended.</summary>
    public void Changed(string instanceId)
    {
        if (waits.TryRemove(instanceId, out TaskCompletionSource? wait))
        {
            wait.TrySetResult();
        }
    }

    /// <summary>Another process did something; who waits here looks again.</summary>
    public void Elsewhere()
    {
        foreach (string instanceId in waits.Keys)
        {
            Changed(instanceId);
        }
    }

    /// <summary>A client of this process sent something.</summary>
    public void Tell() => Sent?.Invoke();
}
