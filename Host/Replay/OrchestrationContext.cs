using Microsoft.DurableTask;
using Microsoft.DurableTask.Entities;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Replay;

/// <summary>The context of an orchestrator function: the SDK's own, used only on the orchestrator's thread, with the input in the
/// function's type.</summary>
internal sealed class OrchestrationContext(TaskOrchestrationContext inner, string? input, DataConverter converter, ILoggerFactory loggers)
    : TaskOrchestrationContext
{
    /// <inheritdoc />
    public override TaskName Name => inner.Name;

    /// <inheritdoc />
    public override string InstanceId => inner.InstanceId;

    /// <inheritdoc />
    public override ParentOrchestrationInstance? Parent => inner.Parent;

    /// <inheritdoc />
    public override DateTime CurrentUtcDateTime => inner.CurrentUtcDateTime;

    /// <inheritdoc />
    public override bool IsReplaying => inner.IsReplaying;

    /// <inheritdoc />
    public override string Version => inner.Version ?? string.Empty;

    /// <inheritdoc />
    public override IReadOnlyDictionary<string, object?> Properties => inner.Properties;

    /// <inheritdoc />
    public override TaskOrchestrationEntityFeature Entities => inner.Entities;

    /// <inheritdoc />
    protected override ILoggerFactory LoggerFactory => loggers;

    /// <inheritdoc />
    public override T GetInput<T>() => input is null ? default! : (T)converter.Deserialize(input, typeof(T))!;

    /// <inheritdoc />
    public override Task<TResult> CallActivityAsync<TResult>(TaskName name, object? input = null, TaskOptions? options = null)
    {
        Guard();
        return inner.CallActivityAsync<TResult>(name, input, options);
    }

    /// <inheritdoc />
    public override Task<TResult> CallSubOrchestratorAsync<TResult>(
        TaskName orchestratorName,
        object? input = null,
        TaskOptions? options = null
    )
    {
        Guard();
        return inner.CallSubOrchestratorAsync<TResult>(orchestratorName, input, options);
    }

    /// <inheritdoc />
    public override Task CreateTimer(DateTime fireAt, CancellationToken cancellationToken)
    {
        Guard();
        return inner.CreateTimer(fireAt, cancellationToken);
    }

    /// <inheritdoc />
    public override Task<T> WaitForExternalEvent<T>(string eventName, CancellationToken cancellationToken = default)
    {
        Guard();
        return inner.WaitForExternalEvent<T>(eventName, cancellationToken);
    }

    /// <inheritdoc />
    public override void SendEvent(string instanceId, string eventName, object payload)
    {
        Guard();
        inner.SendEvent(instanceId, eventName, payload);
    }

    /// <inheritdoc />
    public override void SetCustomStatus(object? customStatus)
    {
        Guard();
        inner.SetCustomStatus(customStatus);
    }

    /// <inheritdoc />
    public override void ContinueAsNew(object? newInput = null, bool preserveUnprocessedEvents = true)
    {
        Guard();
        inner.ContinueAsNew(newInput, preserveUnprocessedEvents);
    }

    /// <inheritdoc />
    public override void ContinueAsNew(ContinueAsNewOptions options)
    {
        Guard();
        inner.ContinueAsNew(options);
    }

    /// <inheritdoc />
    public override Guid NewGuid()
    {
        Guard();
        return inner.NewGuid();
    }

    private static void Guard()
    {
        if (!global::DurableTask.Core.OrchestrationContext.IsOrchestratorThread)
        {
            throw new InvalidOperationException(
                "The orchestration context was used off the orchestrator's thread. Orchestrator code may await only tasks of its context: "
                    + "no Task.Run, no Task.Delay, no ConfigureAwait(false), no I/O."
            );
        }
    }
}
