using Durable.Host.Store;
using DurableTask.Core;
using DurableTask.Core.History;
using Kind = Durable.Host.History.EventKind;
using Stored = Durable.Host.History.HistoryEvent;

namespace Durable.Host.Client;

/// <summary>The stored history as <c>DurableTask.Core</c> events, which the official client returns.</summary>
internal static class CoreHistory
{
    /// <summary>Maps the events of one execution, oldest first. Turns are not stored; all events of a turn have the same time.</summary>
    public static IList<HistoryEvent> From(InstanceRecord instance, IReadOnlyList<Stored> history)
    {
        List<HistoryEvent> events = [];
        foreach (Stored stored in history.Where(e => e.Kind != Kind.OrchestratorStarted))
        {
            if (events.Count == 0 || events[^1].Timestamp != stored.At)
            {
                if (events.Count > 0)
                    events.Add(new OrchestratorCompletedEvent(-1) { Timestamp = events[^1].Timestamp });
                events.Add(new OrchestratorStartedEvent(-1) { Timestamp = stored.At });
            }

            HistoryEvent e = Map(instance, stored);
            e.Timestamp = stored.At;
            events.Add(e);
        }

        if (events.Count > 0)
            events.Add(new OrchestratorCompletedEvent(-1) { Timestamp = events[^1].Timestamp });
        return events;
    }

    private static HistoryEvent Map(InstanceRecord instance, Stored e) =>
        e.Kind switch
        {
            Kind.ExecutionStarted => new ExecutionStartedEvent(-1, e.Data)
            {
                Name = e.Name,
                Version = e.Detail?.Version,
                Tags = e.Detail?.Tags?.ToDictionary(),
                Generation = e.Detail?.Generation,
                ScheduledStartTime = e.Detail?.ScheduledStart,
                OrchestrationInstance = new OrchestrationInstance { InstanceId = instance.InstanceId, ExecutionId = instance.ExecutionId },
                ParentInstance = e.Detail?.Parent is { } parent
                    ? new ParentInstance
                    {
                        Name = parent.Name,
                        TaskScheduleId = parent.TaskId,
                        OrchestrationInstance = new OrchestrationInstance
                        {
                            InstanceId = parent.InstanceId,
                            ExecutionId = parent.ExecutionId,
                        },
                    }
                    : null,
            },
            Kind.ExecutionCompleted => new ExecutionCompletedEvent(
                -1,
                e.Data,
                Enum.Parse<OrchestrationStatus>(e.Detail?.Status ?? nameof(OrchestrationStatus.Completed)),
                Failure(e.Detail?.Failure)
            ),
            Kind.ExecutionTerminated => new ExecutionTerminatedEvent(-1, e.Data),
            Kind.ExecutionSuspended => new ExecutionSuspendedEvent(-1, e.Data),
            Kind.ExecutionResumed => new ExecutionResumedEvent(-1, e.Data),
            Kind.TaskScheduled => new TaskScheduledEvent(e.TaskId, e.Name!, e.Detail?.Version, e.Data),
            Kind.TaskCompleted => new TaskCompletedEvent(-1, e.TaskId, e.Data),
            Kind.TaskFailed => new TaskFailedEvent(-1, e.TaskId, Reason(e), details: null, Failure(e.Detail?.Failure)),
            Kind.SubOrchestrationInstanceCreated => new SubOrchestrationInstanceCreatedEvent(e.TaskId)
            {
                Name = e.Name,
                Version = e.Detail?.Version,
                InstanceId = e.Detail?.InstanceId,
                Input = e.Data,
            },
            Kind.SubOrchestrationInstanceCompleted => new SubOrchestrationInstanceCompletedEvent(-1, e.TaskId, e.Data),
            Kind.SubOrchestrationInstanceFailed => new SubOrchestrationInstanceFailedEvent(
                -1,
                e.TaskId,
                Reason(e),
                details: null,
                Failure(e.Detail?.Failure)
            ),
            Kind.TimerCreated => new TimerCreatedEvent(e.TaskId, e.Detail?.FireAt ?? e.At),
            Kind.TimerFired => new TimerFiredEvent(-1, e.Detail?.FireAt ?? e.At) { TimerId = e.TaskId },
            Kind.EventSent => new EventSentEvent(e.TaskId)
            {
                InstanceId = e.Detail?.InstanceId,
                Name = e.Name,
                Input = e.Data,
            },
            Kind.EventRaised => new EventRaisedEvent(-1, e.Data) { Name = e.Name },
            Kind.ContinueAsNew => new ContinueAsNewEvent(-1, e.Data),
            _ => new GenericEvent(-1, e.Data), // what a rewind removed, and the rewind itself
        };

    private static string? Reason(Stored e) => e.Data ?? e.Detail?.Failure?.ErrorMessage;

    private static FailureDetails? Failure(History.FailureInfo? failure) =>
        failure is null
            ? null
            : new FailureDetails(failure.ErrorType, failure.ErrorMessage, failure.StackTrace, Failure(failure.Inner), failure.NonRetriable);
}
