using Durable.Host.History;
using Durable.Host.Store;

namespace Durable.Host.Replay;

/// <summary>A failed execution rewound to before its failures: removes them and every step the code took only because of them.</summary>
/// <remarks>The official engine removes the failed results and keeps the rest, which ends non-deterministic when the failure was retried or
/// handled (a retry timer, a cleanup in finally). Here the code is replayed over the history without the failures, and the result is the
/// new history, which the SDK can replay. A result is kept when the code takes the same step under the same number. Failures followed by a
/// further attempt stay; only last attempts run again. Effects of dropped steps have happened and will happen again: activities are
/// idempotent.</remarks>
internal sealed class Rewind
{
    private readonly Dictionary<int, HistoryEvent> recorded;
    private readonly Dictionary<int, string?> inputs;
    private readonly Dictionary<int, OrchestratorAction> taken = [];
    private readonly HashSet<int> repeated;
    private readonly OrchestrationExecutor executor;
    private readonly List<HistoryEvent> events = [];
    private readonly List<SendEventAction> sent = [];

    private Rewind(IReadOnlyList<HistoryEvent> history, Func<OrchestrationExecutor> create, HistoryEvent order)
    {
        recorded = Steps(history);
        inputs = Inputs(history, create);
        repeated = LastFailures(history, inputs);
        executor = create();
        foreach (HistoryEvent happened in history)
        {
            if (IsStep(happened) && Took(happened.TaskId))
            {
                continue; // written with its cause
            }

            if (Ending is null && Happens(happened))
            {
                Run(happened);
            }
            else
            {
                events.Add(happened.Kind == EventKind.GenericEvent ? happened : new HistoryEvent(EventKind.GenericEvent, -1, happened.At));
            }
        }

        events.Add(new HistoryEvent(EventKind.GenericEvent, -1, order.At, null, order.Data));
        StartChildAction[] children = [.. executor.OpenChildren];
        Children = [.. children.Select(child => Took(child.TaskId) ? child with { Rewinds = true } : child)];
        Messages =
        [
            .. children
                .Where(child => Took(child.TaskId))
                .Select(child => new OutgoingMessage(
                    child.InstanceId,
                    null,
                    new HistoryEvent(EventKind.ExecutionRewound, -1, order.At, null, order.Data)
                )),
            .. sent.Select(message => new OutgoingMessage(
                message.InstanceId,
                null,
                new HistoryEvent(EventKind.EventRaised, -1, order.At, message.Name, message.Input)
            )),
        ];
    }

    /// <summary>The execution, replayed to where it now waits.</summary>
    public OrchestrationExecutor Executor => executor;

    /// <summary>The new history; removed events remain visible as GenericEvent.</summary>
    public IReadOnlyList<HistoryEvent> Events => events;

    /// <summary>How the execution ended again; null when it waits for repeated steps.</summary>
    public TurnEnding? Ending { get; private set; }

    /// <summary>Activities to redeliver, and new ones.</summary>
    public IReadOnlyList<ScheduleTaskAction> Activities => [.. executor.OpenActivities];

    /// <summary>Children to start; existing ones only if they are gone.</summary>
    public IReadOnlyList<StartChildAction> Children { get; }

    /// <summary>Rewinds of failed children, and events sent for the first time.</summary>
    public IReadOnlyList<OutgoingMessage> Messages { get; }

    /// <summary>Rewinds <paramref name="history"/>; the rewind itself is recorded as a GenericEvent with its reason.</summary>
    public static Rewind Of(IReadOnlyList<HistoryEvent> history, Func<OrchestrationExecutor> create, HistoryEvent order) =>
        new(history, create, order);

    private static bool IsStep(HistoryEvent e) =>
        e.Kind is EventKind.TaskScheduled or EventKind.SubOrchestrationInstanceCreated or EventKind.TimerCreated or EventKind.EventSent;

    private static bool IsAnswer(HistoryEvent e) =>
        e.Kind
            is EventKind.TaskCompleted
                or EventKind.TaskFailed
                or EventKind.TimerFired
                or EventKind.SubOrchestrationInstanceCompleted
                or EventKind.SubOrchestrationInstanceFailed;

    private static bool IsFailure(HistoryEvent e) => e.Kind is EventKind.TaskFailed or EventKind.SubOrchestrationInstanceFailed;

    private static bool IsForCode(HistoryEvent e) =>
        IsAnswer(e)
        || e.Kind is EventKind.ExecutionStarted or EventKind.EventRaised or EventKind.ExecutionSuspended or EventKind.ExecutionResumed;

    private static Dictionary<int, HistoryEvent> Steps(IReadOnlyList<HistoryEvent> history)
    {
        Dictionary<int, HistoryEvent> steps = [];
        foreach (HistoryEvent step in history.Where(IsStep))
        {
            steps[step.TaskId] = step;
        }

        return steps;
    }

    /// <summary>Inputs of the calls, which history does not keep, from a replay of the code.</summary>
    private static Dictionary<int, string?> Inputs(IReadOnlyList<HistoryEvent> history, Func<OrchestrationExecutor> create)
    {
        Dictionary<int, string?> inputs = [];
        using OrchestrationExecutor executor = create();
        foreach (HistoryEvent happened in history.Where(IsForCode))
        {
            if (IsAnswer(happened) && executor.Open(happened.TaskId) is null)
            {
                continue;
            }

            TurnOutcome outcome = executor.Run([happened]);
            foreach (OrchestratorAction action in outcome.Actions)
            {
                inputs[action.TaskId] = action switch
                {
                    ScheduleTaskAction task => task.Input,
                    StartChildAction child => child.Input,
                    _ => null,
                };
            }

            if (outcome.Ending is not null)
            {
                break;
            }
        }

        return inputs;
    }

    /// <summary>Failed calls without a later call of the same kind, name and input: the last attempts.</summary>
    private static HashSet<int> LastFailures(IReadOnlyList<HistoryEvent> history, Dictionary<int, string?> inputs)
    {
        HistoryEvent[] calls = [.. history.Where(e => e.Kind is EventKind.TaskScheduled or EventKind.SubOrchestrationInstanceCreated)];
        HashSet<int> last = [];
        HashSet<int> attempts = []; // each later attempt answers one failure
        foreach (HistoryEvent failure in history.Where(IsFailure))
        {
            HistoryEvent? call = Array.Find(calls, c => c.TaskId == failure.TaskId);
            HistoryEvent? again = call is null
                ? null
                : Array.Find(
                    calls,
                    c =>
                        c.TaskId > call.TaskId
                        && c.Kind == call.Kind
                        && c.Name == call.Name
                        && inputs.GetValueOrDefault(c.TaskId) == inputs.GetValueOrDefault(call.TaskId)
                        && !attempts.Contains(c.TaskId)
                        && c.At >= failure.At
                );
            if (again is null)
            {
                last.Add(failure.TaskId);
            }
            else
            {
                attempts.Add(again.TaskId);
            }
        }

        return last;
    }

    /// <summary>Whether the code, replayed without the failures, took the recorded step of this number with the same input.</summary>
    private bool Took(int taskId) =>
        recorded.TryGetValue(taskId, out HistoryEvent? step)
        && taken.TryGetValue(taskId, out OrchestratorAction? now)
        && now switch
        {
            ScheduleTaskAction task => step.Kind == EventKind.TaskScheduled
                && IsNamed(step, task.Name)
                && task.Input == inputs.GetValueOrDefault(taskId),
            StartChildAction child => step.Kind == EventKind.SubOrchestrationInstanceCreated
                && IsNamed(step, child.Name)
                && child.InstanceId == step.Detail?.InstanceId
                && child.Input == step.Data,
            SendEventAction sent => step.Kind == EventKind.EventSent
                && IsNamed(step, sent.Name)
                && sent.InstanceId == step.Detail?.InstanceId
                && sent.Input == step.Data,
            _ => step.Kind == EventKind.TimerCreated,
        };

    private static bool IsNamed(HistoryEvent step, string name) => string.Equals(step.Name, name, StringComparison.OrdinalIgnoreCase);

    private bool Happens(HistoryEvent happened) =>
        IsForCode(happened)
        && (
            !IsAnswer(happened)
            || (
                executor.Open(happened.TaskId) is not null
                && Took(happened.TaskId)
                && !(IsFailure(happened) && repeated.Contains(happened.TaskId))
            )
        );

    private void Run(HistoryEvent happened)
    {
        TurnOutcome outcome = executor.Run([happened]);
        events.Add(happened);
        foreach (OrchestratorAction action in executor.Mismatch ? [] : outcome.Actions)
        {
            taken[action.TaskId] = action;
            events.Add(Engine.TurnBuilder.Event(action, happened.At));
            if (action is SendEventAction message && !Took(action.TaskId))
            {
                sent.Add(message);
            }
        }

        Ending = outcome.Ending;
    }
}
