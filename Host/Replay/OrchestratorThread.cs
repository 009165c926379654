namespace Durable.Host.Replay;

/// <summary>The one thread an orchestrator runs on during a turn: continuations are queued and run in order, on the thread that runs the turn.</summary>
/// <remarks>Continuations that leave it (Task.Run, Task.Delay, ConfigureAwait(false)) come back after the turn, or never; the context refuses their
/// calls. This is what the official host does: such an instance stays Running.</remarks>
internal sealed class OrchestratorThread : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> queue = [];
    private int threadId;

    /// <summary>Whether the caller is on the thread that runs the present turn.</summary>
    public bool IsCurrent => threadId == Environment.CurrentManagedThreadId;

    /// <summary>Runs <paramref name="step"/> and all continuations it sets free, then returns.</summary>
    public void Run(Action step)
    {
        SynchronizationContext? outer = Current;
        SetSynchronizationContext(this);
        threadId = Environment.CurrentManagedThreadId;
        try
        {
            step();
            while (TryTake(out (SendOrPostCallback Callback, object? State) next))
            {
                next.Callback(next.State);
            }
        }
        finally
        {
            threadId = 0;
            SetSynchronizationContext(outer);
        }
    }

    /// <inheritdoc />
    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (queue)
        {
            queue.Enqueue((d, state));
        }
    }

    /// <inheritdoc />
    public override void Send(SendOrPostCallback d, object? state)
    {
        if (!IsCurrent)
        {
            throw new InvalidOperationException("An orchestrator's code was called from a thread that is not its own.");
        }

        d(state);
    }

    /// <inheritdoc />
    public override SynchronizationContext CreateCopy() => this;

    private bool TryTake(out (SendOrPostCallback Callback, object? State) next)
    {
        lock (queue)
        {
            return queue.TryDequeue(out next);
        }
    }
}
