using Google.Protobuf.WellKnownTypes;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost.Hub;

/// <summary>
/// History events as the durable extension writes them: what answers a call has event id -1, what makes one has the id of the action.
/// </summary>
internal static class Events
{
    public static HistoryEvent TurnStarted() => New(new HistoryEvent { OrchestratorStarted = new OrchestratorStartedEvent() });

    public static HistoryEvent TurnCompleted() => New(new HistoryEvent { OrchestratorCompleted = new OrchestratorCompletedEvent() });

    public static HistoryEvent ExecutionStarted(HubInstance instance) =>
        New(
            new HistoryEvent
            {
                ExecutionStarted = new ExecutionStartedEvent
                {
                    Name = instance.Name,
                    Input = instance.Input,
                    ParentInstance = instance.Parent,
                    OrchestrationInstance = new OrchestrationInstance
                    {
                        InstanceId = instance.InstanceId,
                        ExecutionId = instance.ExecutionId,
                    },
                },
            }
        );

    public static HistoryEvent Raised(string name, string? input) =>
        New(
            new HistoryEvent
            {
                EventRaised = new EventRaisedEvent { Name = name, Input = input },
            }
        );

    public static HistoryEvent Answer(int taskId, string? result, TaskFailureDetails? failure) =>
        New(
            failure is null
                ? new HistoryEvent
                {
                    TaskCompleted = new TaskCompletedEvent { TaskScheduledId = taskId, Result = result },
                }
                : new HistoryEvent
                {
                    TaskFailed = new TaskFailedEvent { TaskScheduledId = taskId, FailureDetails = failure },
                }
        );

    public static HistoryEvent ChildEnded(int taskId, string? result, TaskFailureDetails? failure) =>
        New(
            failure is null
                ? new HistoryEvent
                {
                    SubOrchestrationInstanceCompleted = new() { TaskScheduledId = taskId, Result = result },
                }
                : new HistoryEvent
                {
                    SubOrchestrationInstanceFailed = new() { TaskScheduledId = taskId, FailureDetails = failure },
                }
        );

    public static HistoryEvent TimerFired(int timerId, Timestamp fireAt) =>
        New(
            new HistoryEvent
            {
                TimerFired = new TimerFiredEvent { TimerId = timerId, FireAt = fireAt },
            }
        );

    /// <summary>What an action leaves in the history; null for the end of the orchestration.</summary>
    public static HistoryEvent? Of(OrchestratorAction action) =>
        action.OrchestratorActionTypeCase switch
        {
            OrchestratorAction.OrchestratorActionTypeOneofCase.ScheduleTask => New(
                new HistoryEvent
                {
                    TaskScheduled = new TaskScheduledEvent { Name = action.ScheduleTask.Name, Input = action.ScheduleTask.Input },
                },
                action.Id
            ),
            OrchestratorAction.OrchestratorActionTypeOneofCase.CreateSubOrchestration => New(
                new HistoryEvent
                {
                    SubOrchestrationInstanceCreated = new SubOrchestrationInstanceCreatedEvent
                    {
                        Name = action.CreateSubOrchestration.Name,
                        InstanceId = action.CreateSubOrchestration.InstanceId,
                        Input = action.CreateSubOrchestration.Input,
                    },
                },
                action.Id
            ),
            OrchestratorAction.OrchestratorActionTypeOneofCase.CreateTimer => New(
                new HistoryEvent { TimerCreated = new TimerCreatedEvent { FireAt = action.CreateTimer.FireAt } },
                action.Id
            ),
            OrchestratorAction.OrchestratorActionTypeOneofCase.SendEvent => New(
                new HistoryEvent
                {
                    EventSent = new EventSentEvent
                    {
                        InstanceId = action.SendEvent.Instance.InstanceId,
                        Name = action.SendEvent.Name,
                        Input = action.SendEvent.Data,
                    },
                },
                action.Id
            ),
            OrchestratorAction.OrchestratorActionTypeOneofCase.CompleteOrchestration => null,
            _ => throw new NotSupportedException($"The driver's hub does not do {action.OrchestratorActionTypeCase}."),
        };

    private static HistoryEvent New(HistoryEvent e, int id = -1)
    {
        e.EventId = id;
        e.Timestamp = DateTime.UtcNow.ToTimestamp();
        return e;
    }
}
