using Google.Protobuf.WellKnownTypes;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost.Hub;

/// <summary>An orchestration instance of the driver's hub. Its owner guards it by a lock on the hub.</summary>
internal sealed class HubInstance(string instanceId, string name, string? input, ParentInstanceInfo? parent)
{
    public string InstanceId => instanceId;

    public string Name => name;

    public string? Input { get; set; } = input;

    /// <summary>The waiting parent.</summary>
    public ParentInstanceInfo? Parent => parent;

    public string ExecutionId { get; set; } = Guid.NewGuid().ToString("N");

    public OrchestrationStatus Status { get; set; } = OrchestrationStatus.Pending;

    public string? Output { get; set; }

    public string? CustomStatus { get; set; }

    public TaskFailureDetails? Failure { get; set; }

    public DateTime CreatedAt { get; set; } = DateTime.UtcNow;

    public DateTime UpdatedAt { get; set; } = DateTime.UtcNow;

    /// <summary>Events that code has seen, oldest first.</summary>
    public List<HistoryEvent> History { get; } = [];

    /// <summary>Events to come.</summary>
    public List<HistoryEvent> Inbox { get; } = [];

    /// <summary>True while a turn is under way: turns of one instance never overlap.</summary>
    public bool IsTurning { get; set; }

    /// <summary>Whether the worker keeps its code between turns.</summary>
    public bool HasSession { get; set; }

    /// <summary>Its turns, each with the whole history before it, and what the SDK answered.</summary>
    public List<(OrchestratorRequest Request, OrchestratorResponse Response)> Turns { get; } = [];

    public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool HasEnded => Status is OrchestrationStatus.Completed or OrchestrationStatus.Failed or OrchestrationStatus.Terminated;

    /// <summary>Status for clients.</summary>
    public OrchestrationState Show(bool values) =>
        new()
        {
            InstanceId = InstanceId,
            Name = Name,
            OrchestrationStatus = Status,
            CreatedTimestamp = CreatedAt.ToTimestamp(),
            LastUpdatedTimestamp = UpdatedAt.ToTimestamp(),
            Input = values ? Input : null,
            Output = values ? Output : null,
            CustomStatus = values ? CustomStatus : null,
            FailureDetails = Failure,
        };
}
