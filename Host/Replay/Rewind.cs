using Durable.Host.History;

namespace Durable.Host.Replay;

/// <summary>A failed execution taken back to before its failures: they are removed, and with them every step the code took only because of them.</summary>
/// <remarks>The official engine removes the failed results and keeps the rest, which ends non-deterministic when the failure was retried or handled
/// (a retry timer, a cleanup in finally). Here the remaining history is replayed step by step against the code: what the code does not do without the
/// failure is dropped. Failures that were answered by a further attempt stay; only last attempts are run again. Effects of dropped steps have happened
/// and will happen again: activities are idempotent.</remarks>
internal sealed class Rewind
{
    private Rewind(OrchestrationExecutor executor, List<HistoryEvent> events, bool possible)
    {
        Executor = executor;
        Events = events;
        Possible = possible;
    }

    /// <summary>Whether a failed call was found to repeat. An orchestrator that threw by itself fails again, so it stays as it is.</summary>
    public bool Possible { get; }

    /// <summary>The execution, replayed to where it now waits.</summary>
    public OrchestrationExecutor Executor { get; }

    /// <summary>The new history; removed events remain visible as GenericEvent.</summary>
    public IReadOnlyList<HistoryEvent> Events { get; }

    /// <summary>Activities to hand out again (and new ones).</summary>
    public IReadOnlyList<ScheduleTaskAction> Activities { get; private init; } = [];

    /// <summary>Children to start; failed ones are rewound instead.</summary>
    public IReadOnlyList<StartChildAction> Children { get; private init; } = [];

    /// <summary>Rewinds of failed children, and events sent anew.</summary>
    public IReadOnlyList<Durable.Host.Store.OutgoingMessage> Messages { get; private init; } = [];

    /// <summary>Rewinds <paramref name="history"/>; the order itself is noted as a GenericEvent with its reason.</summary>
    public static Rewind Of(IReadOnlyList<HistoryEvent> history, Func<OrchestrationExecutor> create, HistoryEvent order)
    {
        HashSet<int> repeated = LastFailures(history);
        OrchestrationExecutor executor = create();
        List<HistoryEvent> events = [];
        foreach (HistoryEvent happened in history)
        {
            if (Keeps(happened, repeated, executor))
            {
                executor.Replay([happened]);
                events.Add(happened);
            }
            else
            {
                events.Add(new HistoryEvent(EventKind.GenericEvent, -1, happened.At));
            }
        }

        events.Add(new HistoryEvent(EventKind.GenericEvent, -1, order.At, null, order.Data));
        IReadOnlyList<OrchestratorAction> added = executor.TakeUnconfirmed();
        HashSet<int> addedIds = [.. added.Select(action => action.TaskId)];
        StartChildAction[] failedChildren = [.. executor.OpenChildren.Where(child => !addedIds.Contains(child.TaskId))];
        events.AddRange(added.Select(action => Engine.TurnBuilder.Event(action, order.At)));
        return new Rewind(executor, events, repeated.Count > 0 && executor.CodeEnding is null && executor.Mismatch is null)
        {
            Activities = [.. executor.OpenActivities],
            Children = [.. added.OfType<StartChildAction>()],
            Messages =
            [
                .. failedChildren.Select(child => new Store.OutgoingMessage(child.InstanceId, null, new HistoryEvent(EventKind.ExecutionRewound, -1, order.At, null, order.Data))),
                .. added.OfType<SendEventAction>().Select(sent => new Store.OutgoingMessage(sent.InstanceId, null, new HistoryEvent(EventKind.EventRaised, -1, order.At, sent.Name, sent.Input))),
            ],
        };
    }

    /// <summary>Failed calls no further attempt followed.</summary>
    private static HashSet<int> LastFailures(IReadOnlyList<HistoryEvent> history)
    {
        Dictionary<int, int> firstOf = [];
        Dictionary<int, int> lastOf = [];
        foreach (HistoryEvent call in history.Where(e => e.Kind is EventKind.TaskScheduled or EventKind.SubOrchestrationInstanceCreated))
        {
            int first = call.Detail?.RetryOf ?? call.TaskId;
            firstOf[call.TaskId] = first;
            lastOf[first] = call.TaskId;
        }

        return [.. history.Where(e => e.Kind is EventKind.TaskFailed or EventKind.SubOrchestrationInstanceFailed)
            .Select(e => e.TaskId).Where(id => firstOf.TryGetValue(id, out int first) && lastOf[first] == id)];
    }

    private static bool Keeps(HistoryEvent happened, HashSet<int> repeated, OrchestrationExecutor executor) => happened.Kind switch
    {
        EventKind.ExecutionCompleted or EventKind.GenericEvent => false,
        EventKind.TaskScheduled or EventKind.SubOrchestrationInstanceCreated or EventKind.TimerCreated or EventKind.EventSent => executor.Fits(happened),
        EventKind.TaskFailed or EventKind.SubOrchestrationInstanceFailed => !repeated.Contains(happened.TaskId) && executor.IsOpen(happened.TaskId),
        EventKind.TaskCompleted or EventKind.SubOrchestrationInstanceCompleted or EventKind.TimerFired => executor.IsOpen(happened.TaskId),
        _ => true,
    };
}
