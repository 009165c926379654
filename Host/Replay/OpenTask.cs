using Microsoft.DurableTask;

namespace Durable.Host.Replay;

/// <summary>A call that has no result yet.</summary>
internal abstract class OpenTask(OrchestratorAction action)
{
    /// <summary>The call.</summary>
    public OrchestratorAction Action { get; } = action;

    /// <summary>The cancellation the caller offered, let go with the answer.</summary>
    public CancellationTokenRegistration Registration { get; set; }

    /// <summary>Completes with a result as JSON text. A result that cannot be read as the awaited type faults the task, so that code can catch it.</summary>
    public abstract void Complete(string? result);

    /// <summary>Fails the call.</summary>
    public abstract void Fail(Exception exception);

    /// <summary>Cancels a timer.</summary>
    public abstract void Cancel();
}

/// <summary>A call whose result is read as <typeparamref name="T"/>.</summary>
internal sealed class OpenTask<T>(OrchestratorAction action, DataConverter converter) : OpenTask(action)
{
    // Continuations run inline, on the orchestrator's thread and in history order: this is what makes a replay repeatable.
    private readonly TaskCompletionSource<T> source = new();

    /// <summary>What the orchestrator awaits.</summary>
    public Task<T> Task => source.Task;

    /// <inheritdoc />
    public override void Complete(string? result)
    {
        Registration.Dispose();
        T value;
        try
        {
            value = result is null ? default! : (T)converter.Deserialize(result, typeof(T))!;
        }
        catch (Exception e)
        {
            source.TrySetException(e);
            return;
        }

        source.TrySetResult(value);
    }

    /// <inheritdoc />
    public override void Fail(Exception exception)
    {
        Registration.Dispose();
        source.TrySetException(exception);
    }

    /// <inheritdoc />
    public override void Cancel() => source.TrySetCanceled();
}

/// <summary>A wait for an external event.</summary>
internal abstract class EventWait
{
    /// <summary>The cancellation the caller offered.</summary>
    public CancellationTokenRegistration Registration { get; set; }

    /// <summary>Completes with the event's body as JSON text.</summary>
    public abstract void Complete(string? payload);

    /// <summary>Cancels the wait.</summary>
    public abstract void Cancel();
}

/// <summary>A wait for an event read as <typeparamref name="T"/>.</summary>
internal sealed class EventWait<T>(DataConverter converter) : EventWait
{
    private readonly OpenTask<T> inner = new(new CreateTimerAction(-1, default, null), converter);

    /// <summary>What the orchestrator awaits.</summary>
    public Task<T> Task => inner.Task;

    /// <inheritdoc />
    public override void Complete(string? payload)
    {
        Registration.Dispose();
        inner.Complete(payload);
    }

    /// <inheritdoc />
    public override void Cancel() => inner.Cancel();
}
