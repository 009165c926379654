using Microsoft.DurableTask;

namespace Durable.Host.Functions;

/// <summary>The app's functions as the engine sees them: by name, without case, input and output as JSON text.</summary>
internal interface IFunctionRuntime
{
    /// <summary>Names of the orchestrators, in the spelling of their attribute, sorted.</summary>
    IReadOnlyList<string> OrchestratorNames { get; }

    /// <summary>Names of the activities, in the spelling of their attribute, sorted.</summary>
    IReadOnlyList<string> ActivityNames { get; }

    /// <summary>Whether an orchestrator of that name exists.</summary>
    bool HasOrchestrator(string name);

    /// <summary>Whether an activity of that name exists.</summary>
    bool HasActivity(string name);

    /// <summary>Calls an orchestrator function. Runs wholly on the caller's thread and synchronisation context: nothing in here may leave
    /// it.</summary>
    /// <returns>The function's return value (null for void and Task), not serialised.</returns>
    Task<object?> InvokeOrchestratorAsync(string name, TaskOrchestrationContext context, string? input);

    /// <summary>Calls an activity function in a scope of its own, through the middleware.</summary>
    /// <returns>The result as JSON text, null for null and void.</returns>
    Task<string?> InvokeActivityAsync(ActivityCall call, CancellationToken cancellation);
}

/// <summary>One attempt at an activity. <paramref name="Input"/> is JSON text. <paramref name="Attempt"/> counts deliveries from 1:
/// above 1 an earlier host died or lost its lease, and the effect may have happened already.</summary>
internal sealed record ActivityCall(
    string Name,
    string InstanceId,
    int TaskId,
    string? Input,
    string? Version,
    int Attempt,
    string? TraceParent
);
