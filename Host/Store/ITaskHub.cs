using Durable.Host.History;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Store;

/// <summary>Operations of clients on a task hub: start, query, send, purge, wait. Thread-safe, also across hosts.</summary>
internal interface ITaskHub
{
    /// <summary>Hub name as configured in host.json.</summary>
    string Name { get; }

    /// <summary>Creates an instance, or replaces a finished one with the same id (the generation rises by one).</summary>
    /// <returns><c>Started: false</c> and the current status when the existing instance has not finished or must be kept.</returns>
    Task<StartOutcome> StartAsync(StartRequest request, CancellationToken cancellation = default);

    /// <summary>The instance, or null. Without <paramref name="payloads"/> input and output are null; without <paramref name="input"/> the
    /// input is.</summary>
    Task<InstanceRecord?> GetAsync(string instanceId, bool payloads, CancellationToken cancellation = default, bool input = true);

    /// <summary>Events of the current execution, oldest first; empty for an unknown instance.</summary>
    Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string instanceId, CancellationToken cancellation = default);

    /// <summary>One page, ordered by instance id or newest first. It ends early when its size exceeds
    /// <see cref="InstanceQuery.MostBytes"/>, but has at least one instance if any matches.</summary>
    Task<InstancePage> ListAsync(InstanceQuery query, CancellationToken cancellation = default);

    /// <summary>Puts a message (EventRaised, ExecutionTerminated, ExecutionSuspended, ExecutionResumed, ExecutionRewound) into the
    /// instance's inbox.</summary>
    /// <returns>The outcome with the status the instance had: unknown → NotFound; finished → Finished (for a rewind: not Failed →
    /// WrongState).</returns>
    Task<SendOutcome> SendAsync(string instanceId, HistoryEvent message, CancellationToken cancellation = default);

    /// <summary>Deletes an instance and all its data, running or not; with <paramref name="recursive"/> its children too.</summary>
    /// <returns>Instances deleted; 0 for an unknown id.</returns>
    Task<int> PurgeAsync(string instanceId, bool recursive, CancellationToken cancellation = default);

    /// <summary>Deletes every instance the query selects; ignores paging.</summary>
    Task<int> PurgeAsync(InstanceQuery query, bool recursive, CancellationToken cancellation = default);

    /// <summary>Waits until the instance has left Pending, or with <paramref name="completion"/> until it has finished.</summary>
    /// <returns>The instance; null when it does not exist.</returns>
    Task<InstanceRecord?> WaitAsync(string instanceId, bool completion, bool payloads, CancellationToken cancellation = default);
}

/// <summary>A new instance. <paramref name="Input"/> is JSON text or null.</summary>
internal sealed record StartRequest(
    string InstanceId,
    string Name,
    string? Input,
    string? Version = null,
    DateTimeOffset? StartAt = null,
    IReadOnlyDictionary<string, string>? Tags = null,
    string? TraceParent = null
)
{
    /// <summary>Id of the execution; identifies a repeated start whose first reply was lost.</summary>
    public Guid ExecutionId { get; init; } = Guid.NewGuid();

    /// <summary>Statuses of a finished instance with the same id that keep it from being replaced; none by default. An unfinished one is
    /// never replaced.</summary>
    public IReadOnlyList<OrchestrationRuntimeStatus> Kept { get; init; } = [];
}

/// <summary>Whether an instance was started, else the status of the existing one.</summary>
internal readonly record struct StartOutcome(bool Started, OrchestrationRuntimeStatus Status);

/// <summary>An instance as queries return it. Input, output and custom status are JSON text, except <see cref="Output"/> of a failed,
/// terminated or suspended instance, which may be plain text (<see cref="OutputIsText"/>).</summary>
internal sealed record InstanceRecord(
    string InstanceId,
    string ExecutionId,
    string Name,
    string? Version,
    OrchestrationRuntimeStatus Status,
    string? Input,
    string? Output,
    bool OutputIsText,
    string? CustomStatus,
    FailureInfo? Failure,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? CompletedAt,
    DateTimeOffset? ScheduledStart,
    IReadOnlyDictionary<string, string>? Tags,
    string? ParentInstanceId
);

/// <summary>Filter and page of a listing. Empty or null lists mean "all". <paramref name="After"/> is the last instance id of the previous
/// page; <paramref name="Payloads"/> loads outputs and, unless <paramref name="Inputs"/> is false, inputs; <paramref name="InstanceId"/>
/// selects that instance alone. With <paramref name="NewestFirst"/> a page is ordered by creation, the newest first, and its
/// <paramref name="After"/> holds time and id.</summary>
internal sealed record InstanceQuery(
    DateTimeOffset? CreatedFrom = null,
    DateTimeOffset? CreatedTo = null,
    IReadOnlyList<OrchestrationRuntimeStatus>? Statuses = null,
    string? InstanceIdPrefix = null,
    int PageSize = 100,
    string? After = null,
    bool Payloads = false,
    bool Inputs = true,
    string? InstanceId = null,
    bool NewestFirst = false
)
{
    /// <summary>Bytes of inputs, outputs and custom statuses after which a page ends: 4 MiB. Only its last instance may exceed
    /// it.</summary>
    public const long MostBytes = 4 << 20;
}

/// <summary>A page of instances; <paramref name="Next"/> is null on the last one, else the <see cref="InstanceQuery.After"/> of the
/// next.</summary>
internal sealed record InstancePage(IReadOnlyList<InstanceRecord> Instances, string? Next);

/// <summary>Outcome of a message to an instance.</summary>
internal enum SendResult
{
    /// <summary>Stored; it will be handled.</summary>
    Accepted,

    /// <summary>No such instance.</summary>
    NotFound,

    /// <summary>The instance has finished.</summary>
    Finished,

    /// <summary>The instance's state does not accept this message (suspend a suspended one, rewind one that has not failed).</summary>
    WrongState,
}

/// <summary>Result of a message and the status the instance had (null when unknown).</summary>
internal readonly record struct SendOutcome(SendResult Result, OrchestrationRuntimeStatus? Status);
