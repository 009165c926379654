using Durable.Host.Functions;
using Durable.Host.History;
using DurableTask.Core.Exceptions;
using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Replay;

/// <summary>Runs one execution of an orchestrator over events: past ones rebuild its state, new ones carry it on. Knows no store and no clock.</summary>
/// <remarks>Not thread-safe; one turn at a time. May be kept between turns (an extended session) or made anew for each.</remarks>
internal sealed class OrchestrationExecutor
{
    private readonly IFunctionRuntime functions;
    private readonly DataConverter converter;
    private readonly OrchestratorThread thread = new();
    private readonly ReplayContext context;
    private readonly ReplayHeader header;
    private readonly List<HistoryEvent> heldBack = [];
    private Task<object?>? run;
    private NonDeterministicOrchestrationException? mismatch;

    /// <summary>An executor for the execution <paramref name="header"/> describes; nothing runs yet.</summary>
    public OrchestrationExecutor(ReplayHeader header, IFunctionRuntime functions, DataConverter converter, ILoggerFactory loggers)
    {
        this.header = header;
        this.functions = functions;
        this.converter = converter;
        context = new ReplayContext(header, thread, converter, loggers);
    }

    /// <summary>Whether events are being held back by a suspension.</summary>
    public bool Suspended { get; private set; }

    /// <summary>Reason given with the last suspend or resume.</summary>
    public string? SuspendReason { get; private set; }

    /// <summary>Open timers with their due times.</summary>
    public IReadOnlyCollection<CreateTimerAction> OpenTimers => context.OpenTimers.Values;

    /// <summary>Open children, for a recursive terminate.</summary>
    public IEnumerable<StartChildAction> OpenChildren => context.OpenTasks.Values.Select(open => open.Action).OfType<StartChildAction>();

    /// <summary>Open activities with their inputs, for a rewind that hands them out again.</summary>
    public IEnumerable<ScheduleTaskAction> OpenActivities => context.OpenTasks.Values.Select(open => open.Action).OfType<ScheduleTaskAction>();

    /// <summary>Whether a call with this number is waiting for its result.</summary>
    public bool IsOpen(int taskId) => context.OpenTasks.ContainsKey(taskId);

    /// <summary>Replays history. Throws nothing: a step that does not fit is kept and fails the next turn.</summary>
    public void Replay(IReadOnlyList<HistoryEvent> past) => Handle(past, replaying: true);

    /// <summary>Handles new events and says what the turn produced.</summary>
    public TurnOutcome Run(IReadOnlyList<HistoryEvent> fresh)
    {
        Handle(fresh, replaying: false);
        List<OrchestratorAction> actions = [.. context.Actions.Values];
        context.Actions.Clear();
        bool statusChanged = context.TakeCustomStatusChange();
        TurnOutcome outcome = new(actions, statusChanged, context.CustomStatus, Ending());
        return outcome with { UnreadEvents = outcome.Ending is { Continuation.PreserveEvents: true } ? [.. Unread()] : [] };
    }

    /// <summary>Whether a recorded step is the one the code took at its number; a rewind drops steps that are not.</summary>
    public bool Fits(HistoryEvent recorded) => HistoryMatch.Fits(context.Actions, recorded);

    /// <summary>Takes the steps of the code that history did not confirm.</summary>
    public IReadOnlyList<OrchestratorAction> TakeUnconfirmed()
    {
        List<OrchestratorAction> actions = [.. context.Actions.Values];
        context.Actions.Clear();
        return actions;
    }

    /// <summary>Whether the code has ended (in success or failure) although calls may be open.</summary>
    public TurnEnding? CodeEnding => EndingOf(run);

    /// <summary>The mismatch of history and code, if one was met.</summary>
    public NonDeterministicOrchestrationException? Mismatch => mismatch;

    private void Handle(IReadOnlyList<HistoryEvent> events, bool replaying)
    {
        context.Replaying = replaying;
        try
        {
            foreach (HistoryEvent happened in events)
            {
                if (mismatch is not null)
                {
                    return;
                }

                context.Now = happened.At;
                thread.Run(() => Apply(happened));
            }
        }
        catch (NonDeterministicOrchestrationException e)
        {
            mismatch = e;
        }
    }

    private void Apply(HistoryEvent happened)
    {
        switch (happened.Kind)
        {
            case EventKind.ExecutionStarted:
                run = StartAsync();
                break;
            case EventKind.TaskScheduled:
            case EventKind.SubOrchestrationInstanceCreated:
            case EventKind.TimerCreated:
            case EventKind.EventSent:
                HistoryMatch.Confirm(context.Actions, happened);
                break;
            case EventKind.ExecutionSuspended:
                Suspended = true;
                SuspendReason = happened.Data;
                break;
            case EventKind.ExecutionResumed:
                Resume(happened);
                break;
            case EventKind.TaskCompleted:
            case EventKind.TaskFailed:
            case EventKind.SubOrchestrationInstanceCompleted:
            case EventKind.SubOrchestrationInstanceFailed:
            case EventKind.TimerFired:
            case EventKind.EventRaised:
                if (Suspended)
                {
                    heldBack.Add(happened);
                }
                else
                {
                    Deliver(happened);
                }

                break;
        }
    }

    private async Task<object?> StartAsync() => await functions.InvokeOrchestratorAsync(header.Name, context, header.Input);

    private void Resume(HistoryEvent happened)
    {
        Suspended = false;
        SuspendReason = happened.Data;
        List<HistoryEvent> held = [.. heldBack];
        heldBack.Clear();
        foreach (HistoryEvent earlier in held)
        {
            Deliver(earlier);
        }
    }

    private void Deliver(HistoryEvent happened)
    {
        if (happened.Kind == EventKind.EventRaised)
        {
            context.RaiseEvent(happened.Name ?? string.Empty, happened.Data);
            return;
        }

        // A result whose call is not open is a duplicate, or belongs to a timer that was cancelled meanwhile.
        if (!context.OpenTasks.Remove(happened.TaskId, out OpenTask? open))
        {
            return;
        }

        context.OpenTimers.Remove(happened.TaskId);
        switch (happened.Kind)
        {
            case EventKind.TaskFailed:
                open.Fail(Failures.ToException(((ScheduleTaskAction)open.Action).Name, happened.TaskId, happened.Detail?.Failure, child: false));
                break;
            case EventKind.SubOrchestrationInstanceFailed:
                open.Fail(Failures.ToException(((StartChildAction)open.Action).Name, happened.TaskId, happened.Detail?.Failure, child: true));
                break;
            default:
                open.Complete(happened.Kind == EventKind.TimerFired ? null : happened.Data);
                break;
        }
    }

    /// <summary>The ending of the turn: the code is done and no call is open (an unawaited call delays the end, as in the official engine).</summary>
    private TurnEnding? Ending()
    {
        if (mismatch is not null)
        {
            return TurnEnding.Failure(mismatch);
        }

        return Suspended || context.OpenTasks.Count > 0 ? null : EndingOf(run);
    }

    private TurnEnding? EndingOf(Task<object?>? task)
    {
        switch (task)
        {
            case null or { IsCompleted: false }:
                return null;
            case { IsCanceled: true }:
                return TurnEnding.Cancelled(header.Name);
            case { IsFaulted: true }:
                return task.Exception!.InnerException is OperationCanceledException
                    ? TurnEnding.Cancelled(header.Name)
                    : TurnEnding.Failure(task.Exception!.InnerException!);
            default:
                if (context.Continuation is { } next)
                {
                    return new TurnEnding(null, null, false, [], next);
                }

                try
                {
                    return new TurnEnding(converter.Serialize(task.Result), null, false, [], null);
                }
                catch (Exception e)
                {
                    return TurnEnding.Failure(e);
                }
        }
    }

    private IEnumerable<HistoryEvent> Unread() =>
        context.UnreadEvents().Select(unread => new HistoryEvent(EventKind.EventRaised, -1, context.Now, unread.Name, unread.Payload));
}

/// <summary>What a turn produced.</summary>
/// <param name="Actions">New calls, in order.</param>
/// <param name="CustomStatusChanged">Whether the custom status was set in this turn.</param>
/// <param name="CustomStatus">The custom status as JSON text.</param>
/// <param name="Ending">How the execution ended, or null when it waits.</param>
internal sealed record TurnOutcome(IReadOnlyList<OrchestratorAction> Actions, bool CustomStatusChanged, string? CustomStatus, TurnEnding? Ending)
{
    /// <summary>Events to carry into the next execution.</summary>
    public IReadOnlyList<HistoryEvent> UnreadEvents { get; init; } = [];
}

/// <summary>How an execution ended.</summary>
/// <param name="Output">Result as JSON text, or the text of the failure.</param>
/// <param name="Failed">The failure, or null.</param>
/// <param name="OutputIsText">Whether <paramref name="Output"/> is plain text.</param>
/// <param name="CausedBy">Calls whose failure ended it.</param>
/// <param name="Continuation">The next execution, when it continued as new.</param>
internal sealed record TurnEnding(string? Output, FailureInfo? Failed, bool OutputIsText, IReadOnlyList<int> CausedBy, ContinueAsNewRequest? Continuation)
{
    /// <summary>An exception the orchestrator did not handle: output is its type and message.</summary>
    public static TurnEnding Failure(Exception exception)
    {
        FailureInfo failure = Failures.From(exception);
        IReadOnlyList<int> causes = exception switch
        {
            Microsoft.DurableTask.TaskFailedException failed => [failed.TaskId],
            AggregateException several => [.. several.Flatten().InnerExceptions.OfType<Microsoft.DurableTask.TaskFailedException>().Select(e => e.TaskId)],
            { InnerException: Microsoft.DurableTask.TaskFailedException inner } => [inner.TaskId],
            _ => [],
        };
        return new TurnEnding($"{failure.ErrorType}: {failure.ErrorMessage}", failure, true, causes, null);
    }

    /// <summary>An orchestrator that threw OperationCanceledException: the official output is an object with this message.</summary>
    public static TurnEnding Cancelled(string name) => Unusable($"Function '{name}' failed with an unhandled exception.", "Result: Cancelled\nException: A task was canceled.");

    /// <summary>A failure reported as the object the official host writes for functions it could not run to an answer.</summary>
    public static TurnEnding Unusable(string message, string? details) => new(
        System.Text.Json.JsonSerializer.Serialize(new { message, details }, JsonText.Relaxed),
        new FailureInfo("(unknown)", message), false, [], null);
}
