using Durable.Host.Functions;
using Durable.Host.History;
using Durable.Host.Replay;
using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Engine;

/// <summary>Turns what arrived for an instance into the next turn to write. Holds the state of the execution between turns.</summary>
internal sealed class TurnBuilder
{
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(1);
    private readonly LoadedInstance instance;
    private readonly HashSet<int> answered = [];
    private List<HistoryEvent>? history;
    private OrchestrationExecutor? executor;
    private List<CreateTimerAction> timers = [];
    private OrchestrationRuntimeStatus status;
    private DateTime lastTurn;
    private int length;
    private long turnNo;
    private long handled;
    private long takenSent;
    private bool started;

    /// <summary>A builder over a loaded instance.</summary>
    public TurnBuilder(LoadedInstance instance)
    {
        this.instance = instance;
        history = [.. instance.History];
        length = instance.HistoryLength;
        turnNo = instance.TurnNo;
        handled = instance.Handled;
        Sent = instance.Handled;
        status = instance.Status;
        started = length > 0;
        lastTurn = history.Count > 0 ? history[^1].At : default;
        foreach (HistoryEvent happened in history)
        {
            Remember(happened);
        }
    }

    /// <summary>The instance.</summary>
    public string InstanceId => instance.InstanceId;

    /// <summary>Orchestrator.</summary>
    public string Name => instance.Name;

    /// <summary>Trace parent of the execution.</summary>
    public string? TraceParent => instance.TraceParent;

    /// <summary>Key of the execution.</summary>
    public long RunNo => instance.RunNo;

    /// <summary>Messages ever sent, as far as this host has read them. Starts at what is handled: a turn that runs before the mail is read
    /// must not mark it as handled, because a host that dies then would leave it unread forever.</summary>
    public long Sent { get; set; }

    /// <summary>Notes how far the turn about to be built has read.</summary>
    public void TakeSent() => takenSent = Sent;

    /// <summary>Whether history was replayed, so that the open timers are known.</summary>
    public bool Ready { get; private set; }

    /// <summary>Whether a turn is due although nothing arrived: the first one, an unread <see cref="Sent"/>, or history not yet
    /// replayed.</summary>
    public bool NeedsTurn => !Ready || Sent > handled;

    /// <summary>Due time of the earliest open timer.</summary>
    public DateTime? NextDue => timers.Count == 0 ? null : timers.Min(timer => timer.FireAt);

    /// <summary>Open timers that are due.</summary>
    public IEnumerable<CreateTimerAction> DueTimers(DateTime now) => timers.Count == 0 ? [] : timers.Where(timer => timer.FireAt <= now);

    /// <summary>Builds the next turn. Runs orchestrator code.</summary>
    /// <param name="taken">What arrived.</param>
    /// <param name="release">Whether to give the instance up with this turn.</param>
    /// <param name="now">Hub time.</param>
    /// <param name="tools">What code needs to run.</param>
    /// <returns>The write, or null when nothing changed.</returns>
    public TurnWrite? Build(IReadOnlyList<Incoming> taken, bool release, DateTime now, EngineTools tools)
    {
        DateTime at = now > lastTurn ? now : lastTurn;
        long sent = takenSent;
        bool suspended = status == OrchestrationRuntimeStatus.Suspended && !taken.Any(i => i.Event.Kind == EventKind.ExecutionResumed);
        bool early = instance.ScheduledStart > now || suspended;
        if (!started && early && !taken.Any(i => i.Event.Kind == EventKind.ExecutionTerminated))
        {
            // Woken by a message before its time, or suspended before it started: the message stays in the inbox until it starts.
            Ready = true;
            return Base(sent) with { Release = true, DueAt = suspended ? null : instance.ScheduledStart };
        }

        if (release)
        {
            return Base(sent) with { Release = true, DueAt = NextDue };
        }

        List<HistoryEvent> fresh = Fresh(taken, at);
        TurnWrite write = Base(sent) with
        {
            Consumed = [.. taken.Where(i => i.MessageId is not null).Select(i => i.MessageId!.Value)],
            FinishedActivities = [.. taken.Where(i => i.FinishedActivity is not null).Select(i => i.FinishedActivity!.Value)],
        };
        if (fresh.FindIndex(e => e.Kind == EventKind.ExecutionRewound) is >= 0 and int rewound)
        {
            if (status == OrchestrationRuntimeStatus.Failed)
            {
                // Activities of the failed run that still run would answer under numbers that the rewound run uses again: wait for them.
                return instance.Busy
                    ? Base(sent) with
                    {
                        Release = true,
                        DueAt = now + BusyPause,
                    }
                    : Rewound(write, fresh[rewound], at, tools);
            }

            // A child whose parent was rewound while it ran, or that was started again because it was gone.
            fresh.RemoveAll(e => e.Kind == EventKind.ExecutionRewound);
        }

        if (status is OrchestrationRuntimeStatus.Failed or OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Terminated)
        {
            return write with { Status = status, Release = true, DueAt = null };
        }

        if (fresh.FindIndex(e => e.Kind == EventKind.ExecutionTerminated) is >= 0 and int terminated)
        {
            return Terminated(write, fresh[..(terminated + 1)], tools);
        }

        if (fresh.Concat(history ?? []).FirstOrDefault(e => e.Detail is { Unreadable: true }) is { } broken)
        {
            return Unreadable(write, broken, at);
        }

        if (!tools.Functions.HasOrchestrator(instance.Name))
        {
            return Ended(write, fresh, TurnEnding.Unusable(UnknownFunction.Orchestrator(instance.Name, tools.Functions), null), at);
        }

        if (!Ready || fresh.Count > 0)
        {
            Prepare(tools);
        }

        if (fresh.Count == 0)
        {
            Settle(tools);
            return sent > handled || write.Consumed.Count > 0 || write.FinishedActivities.Count > 0 ? write with { DueAt = NextDue } : null;
        }

        List<HistoryEvent> events = [];
        TurnOutcome outcome = new([], false, null, null);
        foreach (List<HistoryEvent> step in Steps(fresh))
        {
            events.AddRange(step);
            if (outcome.Ending is null)
            {
                TurnOutcome next = executor!.Run(step);
                events.AddRange(Recorded(next, at));
                outcome = next with
                {
                    Actions = [.. outcome.Actions, .. next.Actions],
                    CustomStatusChanged = outcome.CustomStatusChanged || next.CustomStatusChanged,
                };
            }
            else
            {
                // Over before it saw these: the next execution gets the events, if there is one.
                executor!.Skip(step);
                outcome = outcome with { UnreadEvents = [.. outcome.UnreadEvents, .. step.Where(e => e.Kind == EventKind.EventRaised)] };
            }
        }

        Ready = true;
        WaitForTimers(fresh);
        return Written(write, fresh, events, outcome, at);
    }

    /// <summary>Takes note of a written turn.</summary>
    public void Applied(TurnWrite write, EngineTools tools)
    {
        turnNo++;
        length = write.FirstSequence + write.Events.Count;
        handled = Math.Max(handled, write.Handled);
        status = write.Status;
        started |= write.Events.Count > 0;
        if (write.Events.Count > 0)
        {
            lastTurn = write.Events[^1].At;
        }

        foreach (HistoryEvent happened in write.Events)
        {
            Remember(happened);
        }

        if (write.ReplacesHistory)
        {
            history = [];
        }

        if (tools.Settings.ExtendedSessions && executor is not null)
        {
            history = null; // the executor is the state now
        }
        else
        {
            (history ??= []).AddRange(write.Events);
            executor = null;
        }
    }

    private TurnWrite Base(long sent) =>
        new()
        {
            InstanceId = instance.InstanceId,
            RunNo = instance.RunNo,
            Epoch = instance.Epoch,
            TurnNo = turnNo,
            Status = status,
            FirstSequence = length,
            Handled = sent,
            DueAt = NextDue,
            Name = instance.Name,
            ExecutionId = instance.ExecutionId,
            TraceParent = instance.TraceParent,
        };

    private void Remember(HistoryEvent happened)
    {
        if (
            happened.Kind
            is EventKind.TaskCompleted
                or EventKind.TaskFailed
                or EventKind.TimerFired
                or EventKind.SubOrchestrationInstanceCompleted
                or EventKind.SubOrchestrationInstanceFailed
        )
        {
            answered.Add(happened.TaskId);
        }
    }

    /// <summary>Stamps what arrived with the turn's time, drops answers to other executions and second answers.</summary>
    private List<HistoryEvent> Fresh(IReadOnlyList<Incoming> taken, DateTime at)
    {
        List<HistoryEvent> fresh = [];
        if (!started)
        {
            fresh.Add(
                new HistoryEvent(
                    EventKind.ExecutionStarted,
                    -1,
                    at,
                    instance.Name,
                    instance.Input,
                    new EventDetail
                    {
                        Generation = instance.Generation,
                        Version = instance.Version,
                        ScheduledStart = instance.ScheduledStart,
                        Parent = instance.Parent,
                        Tags = instance.Tags,
                        TraceParent = instance.TraceParent,
                    }
                )
            );
        }

        HashSet<int> now = [];
        foreach (Incoming incoming in taken)
        {
            HistoryEvent happened = incoming.Event with { At = at };
            bool answer =
                happened.Kind
                is EventKind.TaskCompleted
                    or EventKind.TaskFailed
                    or EventKind.TimerFired
                    or EventKind.SubOrchestrationInstanceCompleted
                    or EventKind.SubOrchestrationInstanceFailed;
            bool foreign = incoming.RunNo is { } run && run != instance.RunNo;
            if (foreign || (answer && (answered.Contains(happened.TaskId) || !now.Add(happened.TaskId))))
            {
                continue;
            }

            fresh.Add(happened);
        }

        return fresh;
    }

    /// <summary>The events of a turn in the steps they are run in. What was carried over by ContinueAsNew comes after the first step of the
    /// new execution, as the official history has it. A suspension ends a step: the SDK holds back what follows, and would lose it if the
    /// code had ended before.</summary>
    private List<List<HistoryEvent>> Steps(List<HistoryEvent> fresh)
    {
        List<List<HistoryEvent>> steps =
        [
            [],
        ];
        foreach (HistoryEvent happened in fresh)
        {
            steps[^1].Add(happened);
            if (
                happened.Kind == EventKind.ExecutionSuspended
                || (happened.Kind == EventKind.ExecutionStarted && instance.Generation is null)
            )
            {
                steps.Add([]);
            }
        }

        steps.RemoveAll(step => step.Count == 0);
        return steps;
    }

    /// <summary>Brings the executor up to the history.</summary>
    private void Prepare(EngineTools tools)
    {
        if (executor is null)
        {
            executor = NewExecutor(tools);
            executor.Replay(history ?? []);
        }
    }

    private OrchestrationExecutor NewExecutor(EngineTools tools) =>
        new(
            new ReplayHeader(
                instance.InstanceId,
                instance.ExecutionId.ToString("N"),
                instance.Name,
                instance.Version,
                instance.Input,
                instance.Parent
            ),
            tools.Functions,
            tools.Replay
        );

    /// <summary>Takes the open timers from a replay; the executor is kept only in an extended session.</summary>
    private void Settle(EngineTools tools)
    {
        if (!Ready)
        {
            Ready = true;
            WaitForTimers([]);
            executor = tools.Settings.ExtendedSessions ? executor : null;
        }
    }

    /// <summary>Takes the timers to wake for. A suspended orchestrator holds a timer open that has fired; its firing is recorded and waits
    /// for the resume.</summary>
    private void WaitForTimers(IReadOnlyList<HistoryEvent> happened)
    {
        if (executor!.OpenTimers.Count == 0)
        {
            timers = [];
            return;
        }

        HashSet<int> fired = [.. happened.Where(e => e.Kind == EventKind.TimerFired).Select(e => e.TaskId)];
        timers = [.. executor.OpenTimers.Where(timer => !answered.Contains(timer.TaskId) && !fired.Contains(timer.TaskId))];
    }

    private IEnumerable<HistoryEvent> Recorded(TurnOutcome outcome, DateTime at) =>
        !executor!.Mismatch ? outcome.Actions.Select(action => Event(action, at)) : [];

    private TurnWrite Written(TurnWrite write, List<HistoryEvent> fresh, List<HistoryEvent> events, TurnOutcome outcome, DateTime at)
    {
        bool suspendedOrResumed = fresh.Any(e => e.Kind is EventKind.ExecutionSuspended or EventKind.ExecutionResumed);
        write = write with
        {
            Status = executor!.Suspended ? OrchestrationRuntimeStatus.Suspended : OrchestrationRuntimeStatus.Running,
            CustomStatus = outcome.CustomStatus,
            CustomStatusChanged = outcome.CustomStatusChanged,
            DueAt = NextDue,
            Output = suspendedOrResumed ? executor.SuspendReason ?? string.Empty : null,
            OutputIsText = suspendedOrResumed,
            Activities = !executor.Mismatch ? [.. outcome.Actions.OfType<ScheduleTaskAction>()] : [],
            Children = !executor.Mismatch ? [.. outcome.Actions.OfType<StartChildAction>()] : [],
            Messages = !executor.Mismatch
                ?
                [
                    .. outcome
                        .Actions.OfType<SendEventAction>()
                        .Select(sent => new OutgoingMessage(
                            sent.InstanceId,
                            null,
                            new HistoryEvent(EventKind.EventRaised, -1, at, sent.Name, sent.Input)
                        )),
                ]
                : [],
        };
        return outcome.Ending switch
        {
            null => write with { Events = events },
            { Continuation: { } next } => write with
            {
                Events = events,
                Continuation = next,
                CarriedEvents = outcome.UnreadEvents,
                Release = true,
                DueAt = null,
                Status = executor.Suspended ? OrchestrationRuntimeStatus.Suspended : OrchestrationRuntimeStatus.Running,
            },
            { } ending => Ended(write, events, ending, at),
        };
    }

    private TurnWrite Ended(TurnWrite write, List<HistoryEvent> events, TurnEnding ending, DateTime at)
    {
        bool failed = ending.Failed is not null;
        OrchestrationRuntimeStatus final = failed ? OrchestrationRuntimeStatus.Failed : OrchestrationRuntimeStatus.Completed;
        string? result = ending is { Failed: { } failure, OutputIsText: true } ? failure.ErrorMessage : ending.Output;
        events.Add(
            new HistoryEvent(
                EventKind.ExecutionCompleted,
                -1,
                at,
                null,
                result,
                new EventDetail { Status = final.ToString(), Failure = ending.Failed }
            )
        );
        return write with
        {
            Events = events,
            Status = final,
            Output = ending.Output,
            OutputIsText = ending.OutputIsText,
            Failure = ending.Failed,
            DueAt = null,
            Ends = true,
            Release = true,
            Messages =
            [
                .. write.Messages,
                .. ToParent(
                    failed ? EventKind.SubOrchestrationInstanceFailed : EventKind.SubOrchestrationInstanceCompleted,
                    at,
                    failed ? null : ending.Output,
                    ending.Failed
                ),
            ],
        };
    }

    private IEnumerable<OutgoingMessage> ToParent(EventKind kind, DateTime at, string? result, FailureInfo? failure) =>
        instance.Parent is not { } parent
            ? []
            :
            [
                new OutgoingMessage(
                    parent.InstanceId,
                    parent.RunNo,
                    new HistoryEvent(
                        kind,
                        parent.TaskId,
                        at,
                        instance.Name,
                        result,
                        failure is null ? null : new EventDetail { Failure = failure, InstanceId = InstanceId }
                    )
                ),
            ];

    /// <summary>Terminates: no code runs, no finally, no cleanup; only the status, the parent's answer and, if asked for, the
    /// children.</summary>
    private TurnWrite Terminated(TurnWrite write, List<HistoryEvent> events, EngineTools tools)
    {
        HistoryEvent order = events[^1];
        IEnumerable<OutgoingMessage> children = [];
        if (order.Detail is { Recursive: true })
        {
            Prepare(tools);
            children =
            [
                .. executor!.OpenChildren.Select(child => new OutgoingMessage(
                    child.InstanceId,
                    null,
                    new HistoryEvent(EventKind.ExecutionTerminated, -1, order.At, null, order.Data, order.Detail)
                )),
            ];
        }

        FailureInfo failure = new("(unknown)", order.Data ?? "The orchestration was terminated.");
        return write with
        {
            Events =
            [
                .. events,
                new HistoryEvent(EventKind.ExecutionCompleted, -1, order.At, null, order.Data, new EventDetail { Status = "Terminated" }),
            ],
            Status = OrchestrationRuntimeStatus.Terminated,
            Output = order.Data,
            OutputIsText = order.Detail is not { OutputIsJson: true },
            DueAt = null,
            Ends = true,
            Release = true,
            Messages = [.. children, .. ToParent(EventKind.SubOrchestrationInstanceFailed, order.At, null, failure)],
        };
    }

    /// <summary>The turn that fails the instance in place of one the database refused; nothing of the refused turn is kept but what it
    /// consumed.</summary>
    public TurnWrite Refused(IReadOnlyList<Incoming> taken, string reason, DateTime now)
    {
        executor = null;
        FailureInfo failure = new(
            "Durable.Host.TurnRefused",
            $"A turn of instance '{InstanceId}' cannot be run or stored. {Failures.Clean(reason)}"
        );
        DateTime at = now > lastTurn ? now : lastTurn;
        TurnWrite write = Base(takenSent) with
        {
            Consumed = [.. taken.Where(i => i.MessageId is not null).Select(i => i.MessageId!.Value)],
            FinishedActivities = [.. taken.Where(i => i.FinishedActivity is not null).Select(i => i.FinishedActivity!.Value)],
        };
        return Ended(write, [], TurnEnding.Failure(failure), at);
    }

    private TurnWrite Unreadable(TurnWrite write, HistoryEvent broken, DateTime at)
    {
        FailureInfo failure = new(
            "Durable.Host.UnreadableHistory",
            $"A stored {broken.Kind} event of instance '{InstanceId}' cannot be read. The instance cannot go on; "
                + "start it again under another id."
        );
        return Ended(write, [], TurnEnding.Failure(failure), at);
    }

    private TurnWrite Rewound(TurnWrite write, HistoryEvent order, DateTime at, EngineTools tools)
    {
        Rewind rewind = Rewind.Of(history ?? [], () => NewExecutor(tools), order with { At = at });
        executor = rewind.Executor;
        Ready = true;
        length = 0;
        answered.Clear();
        WaitForTimers(rewind.Events);
        started = true;
        write = write with
        {
            FirstSequence = 0,
            ReplacesHistory = true,
            Status = OrchestrationRuntimeStatus.Running,
            DueAt = NextDue,
            Messages = [.. rewind.Messages],
        };
        return rewind.Ending switch
        {
            null => write with { Events = rewind.Events, Activities = rewind.Activities, Children = rewind.Children },
            { Continuation: { } next } => write with { Events = rewind.Events, Continuation = next, Release = true, DueAt = null },
            { } ending => Ended(write, [.. rewind.Events], ending, at),
        };
    }

    /// <summary>The event that records an action.</summary>
    public static HistoryEvent Event(OrchestratorAction action, DateTime at) =>
        action switch
        {
            ScheduleTaskAction task => new HistoryEvent(
                EventKind.TaskScheduled,
                task.TaskId,
                at,
                task.Name,
                null,
                DetailOf(task.Version, task.Tags, null)
            ),
            StartChildAction child => new HistoryEvent(
                EventKind.SubOrchestrationInstanceCreated,
                child.TaskId,
                at,
                child.Name,
                child.Input,
                DetailOf(child.Version, child.Tags, child.InstanceId)
            ),
            CreateTimerAction timer => new HistoryEvent(
                EventKind.TimerCreated,
                timer.TaskId,
                at,
                null,
                null,
                new EventDetail { FireAt = timer.FireAt }
            ),
            SendEventAction sent => new HistoryEvent(
                EventKind.EventSent,
                sent.TaskId,
                at,
                sent.Name,
                sent.Input,
                new EventDetail { InstanceId = sent.InstanceId }
            ),
            _ => throw new InvalidOperationException($"Unknown action {action.GetType().Name}."),
        };

    private static EventDetail? DetailOf(string? version, IReadOnlyDictionary<string, string>? tags, string? instanceId) =>
        version is null && tags is null && instanceId is null
            ? null
            : new EventDetail
            {
                Version = version,
                Tags = tags,
                InstanceId = instanceId,
            };
}

/// <summary>What turns need from their host.</summary>
internal sealed record EngineTools(IFunctionRuntime Functions, DataConverter Converter, ILoggerFactory Loggers, HubSettings Settings)
{
    /// <summary>The SDK's side of the host.</summary>
    public ReplayHost Replay { get; } = new(Converter, Loggers);
}
