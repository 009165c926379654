using Durable.Host.History;
using Google.Protobuf.WellKnownTypes;
using P = Microsoft.DurableTask.Protobuf;

namespace Durable.Host.Replay;

/// <summary>Our history as the SDK reads it.</summary>
/// <remarks>Inputs of the execution and of its activities stay out: the context reads the first itself, and the SDK compares no inputs.</remarks>
internal static class HistoryProtobuf
{
    /// <summary>Converts events in their order. A turn's events carry one time, which the SDK takes from an OrchestratorStarted before
    /// them.</summary>
    /// <param name="header">The execution.</param>
    /// <param name="events">History, or the events of a turn.</param>
    /// <param name="turn">Time of the turn before these events; the time of the last one afterwards.</param>
    public static IEnumerable<P.HistoryEvent> Write(ReplayHeader header, IEnumerable<HistoryEvent> events, TurnTime turn)
    {
        foreach (HistoryEvent happened in events)
        {
            if (happened.At != turn.At)
            {
                turn.At = happened.At;
                yield return new P.HistoryEvent
                {
                    EventId = -1,
                    Timestamp = Time(happened.At),
                    OrchestratorStarted = new P.OrchestratorStartedEvent(),
                };
            }

            if (Write(header, happened) is { } written)
            {
                written.Timestamp = Time(happened.At);
                yield return written;
            }
        }
    }

    /// <summary>A failure as the SDK reads it.</summary>
    public static P.TaskFailureDetails? Write(FailureInfo? failure) =>
        failure is null
            ? null
            : new P.TaskFailureDetails
            {
                ErrorType = failure.ErrorType,
                ErrorMessage = failure.ErrorMessage,
                StackTrace = failure.StackTrace,
                InnerFailure = Write(failure.Inner),
                IsNonRetriable = failure.NonRetriable,
            };

    /// <summary>A failure as we store it.</summary>
    public static FailureInfo Read(P.TaskFailureDetails failure) =>
        new(
            failure.ErrorType,
            Failures.Clean(failure.ErrorMessage),
            failure.StackTrace,
            failure.InnerFailure is { } inner ? Read(inner) : null,
            failure.IsNonRetriable
        );

    private static P.HistoryEvent? Write(ReplayHeader header, HistoryEvent e) =>
        e.Kind switch
        {
            EventKind.ExecutionStarted => new P.HistoryEvent
            {
                EventId = -1,
                ExecutionStarted = new P.ExecutionStartedEvent
                {
                    Name = header.Name,
                    Version = header.Version,
                    OrchestrationInstance = new P.OrchestrationInstance
                    {
                        InstanceId = header.InstanceId,
                        ExecutionId = header.ExecutionId,
                    },
                    ParentInstance = header.Parent is not { } parent
                        ? null
                        : new P.ParentInstanceInfo
                        {
                            Name = parent.Name,
                            TaskScheduledId = parent.TaskId,
                            OrchestrationInstance = new P.OrchestrationInstance
                            {
                                InstanceId = parent.InstanceId,
                                ExecutionId = parent.ExecutionId,
                            },
                        },
                    ScheduledStartTimestamp = e.Detail?.ScheduledStart is { } start ? Time(start) : null,
                },
            },
            EventKind.TaskScheduled => new P.HistoryEvent
            {
                EventId = e.TaskId,
                TaskScheduled = new P.TaskScheduledEvent { Name = e.Name, Version = e.Detail?.Version },
            },
            EventKind.TaskCompleted => new P.HistoryEvent
            {
                EventId = -1,
                TaskCompleted = new P.TaskCompletedEvent { TaskScheduledId = e.TaskId, Result = e.Data },
            },
            EventKind.TaskFailed => new P.HistoryEvent
            {
                EventId = -1,
                TaskFailed = new P.TaskFailedEvent { TaskScheduledId = e.TaskId, FailureDetails = Write(e.Detail?.Failure) },
            },
            EventKind.SubOrchestrationInstanceCreated => new P.HistoryEvent
            {
                EventId = e.TaskId,
                SubOrchestrationInstanceCreated = new P.SubOrchestrationInstanceCreatedEvent
                {
                    InstanceId = e.Detail?.InstanceId,
                    Name = e.Name,
                    Version = e.Detail?.Version,
                    Input = e.Data,
                },
            },
            EventKind.SubOrchestrationInstanceCompleted => new P.HistoryEvent
            {
                EventId = -1,
                SubOrchestrationInstanceCompleted = new P.SubOrchestrationInstanceCompletedEvent
                {
                    TaskScheduledId = e.TaskId,
                    Result = e.Data,
                },
            },
            EventKind.SubOrchestrationInstanceFailed => new P.HistoryEvent
            {
                EventId = -1,
                SubOrchestrationInstanceFailed = new P.SubOrchestrationInstanceFailedEvent
                {
                    TaskScheduledId = e.TaskId,
                    FailureDetails = Write(e.Detail?.Failure),
                },
            },
            EventKind.TimerCreated => new P.HistoryEvent
            {
                EventId = e.TaskId,
                TimerCreated = new P.TimerCreatedEvent { FireAt = Time(e.Detail?.FireAt ?? e.At) },
            },
            EventKind.TimerFired => new P.HistoryEvent
            {
                EventId = -1,
                TimerFired = new P.TimerFiredEvent { TimerId = e.TaskId, FireAt = Time(e.Detail?.FireAt ?? e.At) },
            },
            EventKind.EventSent => new P.HistoryEvent
            {
                EventId = e.TaskId,
                EventSent = new P.EventSentEvent
                {
                    InstanceId = e.Detail?.InstanceId,
                    Name = e.Name,
                    Input = e.Data,
                },
            },
            EventKind.EventRaised => new P.HistoryEvent
            {
                EventId = -1,
                EventRaised = new P.EventRaisedEvent { Name = e.Name ?? string.Empty, Input = e.Data },
            },
            EventKind.ExecutionSuspended => new P.HistoryEvent
            {
                EventId = -1,
                ExecutionSuspended = new P.ExecutionSuspendedEvent { Input = e.Data },
            },
            EventKind.ExecutionResumed => new P.HistoryEvent
            {
                EventId = -1,
                ExecutionResumed = new P.ExecutionResumedEvent { Input = e.Data },
            },
            _ => null, // what the orchestrator does not see
        };

    private static Timestamp Time(DateTime at) => Timestamp.FromDateTime(DateTime.SpecifyKind(at, DateTimeKind.Utc));
}

/// <summary>Time of the turn an execution has been told.</summary>
internal sealed class TurnTime
{
    public DateTime At { get; set; } = DateTime.MinValue;
}
