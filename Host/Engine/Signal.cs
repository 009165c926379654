namespace Durable.Host.Engine;

/// <summary>Wakes one waiting loop. Several sets before a wait count as one.</summary>
internal sealed class Signal
{
    private readonly SemaphoreSlim semaphore = new(0, 1);

    /// <summary>Wakes the loop.</summary>
    public void Set()
    {
        lock (semaphore)
        {
            if (semaphore.CurrentCount == 0)
            {
                semaphore.Release();
            }
        }
    }

    /// <summary>Waits for a set, at most <paramref name="longest"/>.</summary>
    /// <returns>Whether it was set.</returns>
    public Task<bool> WaitAsync(TimeSpan longest, CancellationToken cancellation) => semaphore.WaitAsync(longest, cancellation);
}
