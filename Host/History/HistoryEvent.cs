namespace Durable.Host.History;

/// <summary>What happened to an instance. Names are the official history's; the numbers are stored and never change.</summary>
internal enum EventKind : short
{
    ExecutionStarted = 0,
    ExecutionCompleted = 1,
    ExecutionTerminated = 2,
    ExecutionSuspended = 3,
    ExecutionResumed = 4,
    ExecutionRewound = 5,
    TaskScheduled = 10,
    TaskCompleted = 11,
    TaskFailed = 12,
    SubOrchestrationInstanceCreated = 20,
    SubOrchestrationInstanceCompleted = 21,
    SubOrchestrationInstanceFailed = 22,
    TimerCreated = 30,
    TimerFired = 31,
    EventSent = 40,
    EventRaised = 41,
    OrchestratorStarted = 50,
    ContinueAsNew = 51,
    GenericEvent = 60,
}

/// <summary>One event of an instance's history; a message in its inbox has the same form.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="TaskId">Sequence number of the call the event belongs to (the official <c>EventId</c> of a scheduling event and
/// <c>TaskScheduledId</c>/<c>TimerId</c> of a result); -1 where there is none.</param>
/// <param name="At">When, UTC.</param>
/// <param name="Name">Function, event or orchestration name; null where there is none.</param>
/// <param name="Data">Payload as serialised: input, result, event body (JSON text), or a plain-text reason.</param>
/// <param name="Detail">Rarer fields; null for most events.</param>
internal sealed record HistoryEvent(
    EventKind Kind,
    int TaskId,
    DateTime At,
    string? Name = null,
    string? Data = null,
    EventDetail? Detail = null
);

/// <summary>Fields only some events have; absent ones are not stored.</summary>
internal sealed record EventDetail
{
    /// <summary>Failure of a task, a child or the orchestration itself.</summary>
    public FailureInfo? Failure { get; init; }

    /// <summary>When a timer is due, UTC.</summary>
    public DateTime? FireAt { get; init; }

    /// <summary>The other instance: child of a sub-orchestration, target of a sent event.</summary>
    public string? InstanceId { get; init; }

    /// <summary>Parent of a child instance (ExecutionStarted).</summary>
    public ParentLink? Parent { get; init; }

    /// <summary>Version of the orchestration or of the called task.</summary>
    public string? Version { get; init; }

    /// <summary>How often the id was restarted; null after ContinueAsNew, as in the official history.</summary>
    public int? Generation { get; init; }

    /// <summary>Start time requested by the client (ExecutionStarted), UTC.</summary>
    public DateTime? ScheduledStart { get; init; }

    /// <summary>Tags of the instance or of the call.</summary>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    /// <summary>W3C trace parent.</summary>
    public string? TraceParent { get; init; }

    /// <summary>Task id of the first attempt of a call or timer that retries one. Only builds before 2026-11-26 wrote it; they had their
    /// own replay.</summary>
    public int? RetryOf { get; init; }

    /// <summary>Final status name (ExecutionCompleted).</summary>
    public string? Status { get; init; }

    /// <summary>Terminate the children as well (ExecutionTerminated).</summary>
    public bool Recursive { get; init; }

    /// <summary>The output given with a terminate is JSON, not a plain reason.</summary>
    public bool OutputIsJson { get; init; }

    /// <summary>The stored event could not be read.</summary>
    public bool Unreadable { get; init; }
}

/// <summary>Where a child reports to: the parent's instance, execution and the sequence number of the call.</summary>
internal sealed record ParentLink(string Name, string InstanceId, string ExecutionId, int TaskId, long RunNo = 0);

/// <summary>A failure as stored: exactly the official TaskFailureDetails.</summary>
internal sealed record FailureInfo(
    string ErrorType,
    string ErrorMessage,
    string? StackTrace = null,
    FailureInfo? Inner = null,
    bool NonRetriable = false
);
