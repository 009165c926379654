using Durable.Host.History;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Store;

/// <summary>All changes of one turn of one instance; written in one transaction or not at all.</summary>
internal sealed record TurnWrite
{
    /// <summary>The instance.</summary>
    public required string InstanceId { get; init; }

    /// <summary>The execution the events belong to.</summary>
    public required long RunNo { get; init; }

    /// <summary>Lease epoch the host holds the instance under.</summary>
    public required long Epoch { get; init; }

    /// <summary>Turns committed before this one.</summary>
    public required long TurnNo { get; init; }

    /// <summary>Status after the turn.</summary>
    public required OrchestrationRuntimeStatus Status { get; init; }

    /// <summary>Events to append, received ones first.</summary>
    public IReadOnlyList<HistoryEvent> Events { get; init; } = [];

    /// <summary>Sequence of the first of them.</summary>
    public int FirstSequence { get; init; }

    /// <summary>Inbox rows the turn consumed.</summary>
    public IReadOnlyList<long> Consumed { get; init; } = [];

    /// <summary>Value of <c>sent</c> up to which messages are handled.</summary>
    public long Handled { get; init; }

    /// <summary>Activities whose results are among the events; their rows are deleted.</summary>
    public IReadOnlyList<int> FinishedActivities { get; init; } = [];

    /// <summary>New activities.</summary>
    public IReadOnlyList<ScheduleTaskAction> Activities { get; init; } = [];

    /// <summary>New children.</summary>
    public IReadOnlyList<StartChildAction> Children { get; init; } = [];

    /// <summary>Messages to other instances.</summary>
    public IReadOnlyList<OutgoingMessage> Messages { get; init; } = [];

    /// <summary>Earliest open timer after the turn.</summary>
    public DateTime? DueAt { get; init; }

    /// <summary>Custom status to write when <see cref="CustomStatusChanged"/>.</summary>
    public string? CustomStatus { get; init; }

    /// <summary>Whether the turn set the custom status.</summary>
    public bool CustomStatusChanged { get; init; }

    /// <summary>Output to write (also a suspend reason); null keeps the old one unless the execution ended.</summary>
    public string? Output { get; init; }

    /// <summary>Whether <see cref="Output"/> is plain text.</summary>
    public bool OutputIsText { get; init; }

    /// <summary>The failure that ended the execution.</summary>
    public FailureInfo? Failure { get; init; }

    /// <summary>Releases the instance after the write: it ended or is idle.</summary>
    public bool Release { get; init; }

    /// <summary>Starts the next execution of the instance.</summary>
    public ContinueAsNewRequest? Continuation { get; init; }

    /// <summary>Events for the next execution's inbox.</summary>
    public IReadOnlyList<HistoryEvent> CarriedEvents { get; init; } = [];

    /// <summary>Rewrites the history instead of appending to it, and clears output and failure (rewind).</summary>
    public bool ReplacesHistory { get; init; }

    /// <summary>Name of the orchestration, for its children's parent link.</summary>
    public required string Name { get; init; }

    /// <summary>Execution id, for its children's parent link.</summary>
    public required Guid ExecutionId { get; init; }

    /// <summary>Trace parent for activities and children.</summary>
    public string? TraceParent { get; init; }

    /// <summary>Whether the execution is over with this turn; output and failure are then written unchanged.</summary>
    public bool Ends { get; init; }
}

/// <summary>A message from one instance to another. With <paramref name="RunNo"/> it answers a call of that execution.</summary>
internal sealed record OutgoingMessage(string InstanceId, long? RunNo, HistoryEvent Event);
