using Durable.Host.History;
using DurableTask.Core.Exceptions;

namespace Durable.Host.Replay;

/// <summary>Compares a recorded step with the step the code took at the same number. The texts are the official engine's.</summary>
internal static class HistoryMatch
{
    private const string Question = "Was a change made to the orchestrator code after this instance had already started running?";

    /// <summary>Takes the confirmed action out of <paramref name="actions"/>.</summary>
    /// <exception cref="NonDeterministicOrchestrationException">The code took no step, a step of another kind, or one with another name.</exception>
    public static void Confirm(SortedDictionary<int, OrchestratorAction> actions, HistoryEvent recorded)
    {
        if (!actions.TryGetValue(recorded.TaskId, out OrchestratorAction? action))
        {
            throw Mismatch(recorded, Missing(recorded));
        }

        if (KindOf(action) != recorded.Kind)
        {
            string kind = recorded.Kind switch
            {
                EventKind.TaskScheduled => $"an activity task with sequence number {recorded.TaskId} named '{recorded.Name}', but",
                EventKind.SubOrchestrationInstanceCreated => $"a sub-orchestration task with sequence number {recorded.TaskId} named '{recorded.Name}', but",
                EventKind.TimerCreated => $"a timer task with sequence number {recorded.TaskId} named but",
                _ => $"a send event task with sequence number {recorded.TaskId}, type '{recorded.Kind}', name '{recorded.Name}', instance '{recorded.Detail?.InstanceId}', but",
            };
            throw Mismatch(recorded, $"{kind} the current orchestration replay instead produced a {OfficialName(action)} action with this sequence number{Named(action)}.");
        }

        string? name = NameOf(action);
        if (name is not null && !string.Equals(name, recorded.Name, StringComparison.OrdinalIgnoreCase))
        {
            string what = recorded.Kind switch
            {
                EventKind.TaskScheduled => "an activity task",
                EventKind.SubOrchestrationInstanceCreated => "a sub-orchestration task",
                _ => "a send event task",
            };
            throw Mismatch(recorded,
                $"{what} with sequence number {recorded.TaskId} named '{recorded.Name}', but the current orchestration replay instead scheduled {what} "
                + $"named '{name}' with this sequence number. ");
        }

        actions.Remove(recorded.TaskId);
    }

    /// <summary>Whether <see cref="Confirm"/> would accept the event.</summary>
    public static bool Fits(SortedDictionary<int, OrchestratorAction> actions, HistoryEvent recorded) =>
        actions.TryGetValue(recorded.TaskId, out OrchestratorAction? action) && KindOf(action) == recorded.Kind
        && (NameOf(action) is not { } name || string.Equals(name, recorded.Name, StringComparison.OrdinalIgnoreCase));

    private static string Missing(HistoryEvent recorded) => recorded.Kind switch
    {
        EventKind.TaskScheduled => $"an activity task with sequence ID {recorded.TaskId} and name '{recorded.Name}' (version '{recorded.Detail?.Version}'), but the current replay execution hasn't (yet?) scheduled this task.",
        EventKind.SubOrchestrationInstanceCreated => $"a sub-orchestration task with sequence ID {recorded.TaskId} and name '{recorded.Name}' (version '{recorded.Detail?.Version}', instance ID '{recorded.Detail?.InstanceId}'), but the current replay execution hasn't (yet?) scheduled this task.",
        EventKind.TimerCreated => $"a timer task with sequence number {recorded.TaskId} but the current replay execution hasn't (yet?) scheduled this task.",
        _ => $"a send event task with sequence ID {recorded.TaskId}, type '{recorded.Kind}' name '{recorded.Name}', instance ID '{recorded.Detail?.InstanceId}', but the current replay execution hasn't (yet?) scheduled this task.",
    };

    private static EventKind KindOf(OrchestratorAction action) => action switch
    {
        ScheduleTaskAction => EventKind.TaskScheduled,
        StartChildAction => EventKind.SubOrchestrationInstanceCreated,
        CreateTimerAction => EventKind.TimerCreated,
        _ => EventKind.EventSent,
    };

    private static string OfficialName(OrchestratorAction action) => action switch
    {
        ScheduleTaskAction => "ScheduleTaskOrchestratorAction",
        StartChildAction => "CreateSubOrchestrationAction",
        CreateTimerAction => "CreateTimerOrchestratorAction",
        _ => "SendEventOrchestratorAction",
    };

    private static string? NameOf(OrchestratorAction action) => action switch
    {
        ScheduleTaskAction task => task.Name,
        StartChildAction child => child.Name,
        SendEventAction sent => sent.Name,
        _ => null,
    };

    private static string Named(OrchestratorAction action) => NameOf(action) is { } name ? $" (named '{name}')" : string.Empty;

    private static NonDeterministicOrchestrationException Mismatch(HistoryEvent recorded, string what) =>
        new(recorded.TaskId, $"A previous execution of this orchestration scheduled {what} {Question}");
}
