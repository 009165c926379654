namespace Durable.Host.History;

/// <summary>An action an orchestrator requested in a turn. <paramref name="TaskId"/> is its sequence number within the execution.</summary>
internal abstract record OrchestratorAction(int TaskId);

/// <summary>Run an activity.</summary>
internal sealed record ScheduleTaskAction(
    int TaskId,
    string Name,
    string? Input,
    string? Version,
    IReadOnlyDictionary<string, string>? Tags
) : OrchestratorAction(TaskId);

/// <summary>Start a child instance. A child that <paramref name="Rewinds"/> with its parent starts only if it is gone or was
/// terminated.</summary>
internal sealed record StartChildAction(
    int TaskId,
    string Name,
    string InstanceId,
    string? Input,
    string? Version,
    IReadOnlyDictionary<string, string>? Tags,
    bool Rewinds = false
) : OrchestratorAction(TaskId);

/// <summary>Wake at <paramref name="FireAt"/> (UTC).</summary>
internal sealed record CreateTimerAction(int TaskId, DateTime FireAt) : OrchestratorAction(TaskId);

/// <summary>Send an event to another instance; nobody waits for it.</summary>
internal sealed record SendEventAction(int TaskId, string InstanceId, string Name, string? Input) : OrchestratorAction(TaskId);

/// <summary>How an orchestrator restarts itself with a fresh history.</summary>
internal sealed record ContinueAsNewRequest(string? Input, bool PreserveEvents, string? Version);
