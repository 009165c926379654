using Microsoft.DurableTask;

namespace Durable.Host.Functions;

/// <summary>The app's functions as the engine sees them: by case-insensitive name, input and output as JSON text.</summary>
internal interface IFunctionRuntime
{
    /// <summary>Names of the orchestrators as their attributes spell them, sorted.</summary>
    IReadOnlyList<string> OrchestratorNames { get; }

    /// <summary>Names of the activities as their attributes spell them, sorted.</summary>
    IReadOnlyList<string> ActivityNames { get; }

    /// <summary>Whether an orchestrator with this name exists.</summary>
    bool HasOrchestrator(string name);

    /// <summary>Whether an activity with this name exists.</summary>
    bool HasActivity(string name);

    /// <summary>Calls an orchestrator function. Runs entirely on the caller's thread and synchronisation context; nothing in it may leave
    /// them.</summary>
    /// <returns>The function's return value (null for void and Task), not serialised.</returns>
    Task<object?> InvokeOrchestratorAsync(string name, TaskOrchestrationContext context, string? input);

    /// <summary>Calls an activity function in its own scope, through the middleware.</summary>
    /// <returns>The result as JSON text, null for null and void.</returns>
    Task<string?> InvokeActivityAsync(ActivityCall call, CancellationToken cancellation);
}

/// <summary>One attempt at an activity. <paramref name="Input"/> is JSON text. <paramref name="Attempt"/> counts deliveries from 1: above
/// 1, an earlier host died or lost its lease, and the effect may already have happened.</summary>
internal sealed record ActivityCall(
    string Name,
    string InstanceId,
    int TaskId,
    string? Input,
    string? Version,
    int Attempt,
    string? TraceParent
);
