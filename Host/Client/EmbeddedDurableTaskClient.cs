using System.Diagnostics;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Host.Telemetry;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Client;

/// <summary>
/// The client of the embedded host: an official <see cref="DurableTaskClient"/> that calls the task hub directly instead of the extension.
/// Exceptions have the recorded type names and texts. Thread-safe.
/// </summary>
internal sealed partial class EmbeddedDurableTaskClient(
    ITaskHub hub,
    DataConverter converter,
    Func<string, string?> linkCode,
    TimeProvider time
) : DurableTaskClient(hub.Name)
{
    /// <summary>The key in links to an instance; null when links need none.</summary>
    public string? LinkCode(string instanceId) => linkCode(instanceId);

    /// <inheritdoc />
    /// <exception cref="ArgumentException">The name is empty, the id begins with @, is longer than 1,024 characters or holds a NUL; or a
    /// dedupe status is unknown.</exception>
    /// <exception cref="DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException">An instance with this id has not finished, or is
    /// in one of the dedupe statuses.</exception>
    public override async Task<string> ScheduleNewOrchestrationInstanceAsync(
        TaskName orchestratorName,
        object? input = null,
        StartOrchestrationOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        if (string.IsNullOrEmpty(orchestratorName.Name))
            throw new ArgumentException("The name of the orchestrator must not be empty.", nameof(orchestratorName));
        InstanceIds.CheckText(orchestratorName.Name, nameof(orchestratorName));
        string instanceId = string.IsNullOrEmpty(options?.InstanceId) ? InstanceIds.New() : options.InstanceId;
        InstanceIds.CheckNew(instanceId, "options?.InstanceId");
        OrchestrationRuntimeStatus[] kept = [.. (options?.DedupeStatuses ?? []).Select(ReadDedupeStatus)];

        using Activity? span = DurableTelemetry.StartCreateSpan(orchestratorName.Name, instanceId, Activity.Current?.Id);
        StartOutcome outcome = await hub.StartAsync(
            new StartRequest(
                instanceId,
                orchestratorName.Name,
                converter.Serialize(input),
                options?.Version?.Version,
                options?.StartAt,
                options?.Tags,
                (span ?? Activity.Current)?.Id
            )
            {
                Kept = kept,
            },
            cancellation
        );
        return outcome.Started ? instanceId : throw ClientErrors.AlreadyExists(instanceId);
    }

    /// <inheritdoc />
    /// <exception cref="Grpc.Core.RpcException">The instance is unknown or has finished.</exception>
    public override async Task RaiseEventAsync(
        string instanceId,
        string eventName,
        object? eventPayload = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        ArgumentException.ThrowIfNullOrEmpty(eventName);
        InstanceIds.CheckText(eventName, nameof(eventName));
        SendOutcome outcome = await SendAsync(
            instanceId,
            EventKind.EventRaised,
            eventName,
            converter.Serialize(eventPayload),
            cancellation: cancellation
        );
        if (outcome.Result != SendResult.Accepted)
            throw ClientErrors.Event(outcome, instanceId);
    }

    /// <inheritdoc />
    /// <remarks>Recursive also terminates open children; the official extension does not.</remarks>
    /// <exception cref="Grpc.Core.RpcException">The instance is unknown or has finished.</exception>
    public override async Task TerminateInstanceAsync(
        string instanceId,
        TerminateInstanceOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        EventDetail detail = new() { Recursive = options?.Recursive ?? false, OutputIsJson = options?.Output is not null };
        SendOutcome outcome = await SendAsync(
            instanceId,
            EventKind.ExecutionTerminated,
            name: null,
            converter.Serialize(options?.Output),
            detail,
            cancellation
        );
        if (outcome.Result != SendResult.Accepted)
            throw ClientErrors.Steer("terminate", outcome, instanceId);
    }

    /// <inheritdoc />
    /// <exception cref="Grpc.Core.RpcException">The instance is unknown, has finished or is suspended already.</exception>
    public override Task SuspendInstanceAsync(string instanceId, string? reason = null, CancellationToken cancellation = default) =>
        SteerAsync("suspend", instanceId, EventKind.ExecutionSuspended, reason, cancellation);

    /// <inheritdoc />
    /// <exception cref="Grpc.Core.RpcException">The instance is unknown, has finished or is not suspended.</exception>
    public override Task ResumeInstanceAsync(string instanceId, string? reason = null, CancellationToken cancellation = default) =>
        SteerAsync("resume", instanceId, EventKind.ExecutionResumed, reason, cancellation);

    /// <inheritdoc />
    /// <exception cref="ArgumentException">The instance is unknown.</exception>
    /// <exception cref="InvalidOperationException">The instance has not failed.</exception>
    public override async Task RewindInstanceAsync(string instanceId, string reason, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        InstanceIds.CheckText(reason, nameof(reason));
        SendOutcome outcome = await SendAsync(instanceId, EventKind.ExecutionRewound, name: null, reason, cancellation: cancellation);
        if (outcome.Result != SendResult.Accepted)
            throw ClientErrors.Rewind(outcome, instanceId);
    }

    /// <inheritdoc />
    /// <exception cref="ArgumentException">The instance is unknown.</exception>
    /// <exception cref="InvalidOperationException">The restart keeps the id, and the instance has not finished.</exception>
    public override async Task<string> RestartAsync(
        string instanceId,
        bool restartWithNewInstanceId = false,
        CancellationToken cancellation = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        InstanceRecord old = await hub.GetAsync(instanceId, payloads: true, cancellation) ?? throw ClientErrors.Unknown(instanceId);
        string newId = restartWithNewInstanceId ? InstanceIds.New() : instanceId;
        using Activity? span = DurableTelemetry.StartCreateSpan(old.Name, newId, Activity.Current?.Id);
        StartOutcome outcome = await hub.StartAsync(
            new StartRequest(newId, old.Name, old.Input, old.Version, StartAt: null, old.Tags, (span ?? Activity.Current)?.Id),
            cancellation
        );
        return outcome.Started
            ? newId
            : throw new InvalidOperationException($"An orchestration with the instanceId {instanceId} cannot be restarted.");
    }

    /// <summary>Events of the current execution, oldest first, turns included.</summary>
    /// <exception cref="ArgumentException">The instance is unknown.</exception>
    public override async Task<IList<DurableTask.Core.History.HistoryEvent>> GetOrchestrationHistoryAsync(
        string instanceId,
        CancellationToken cancellation = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        InstanceRecord instance =
            (InstanceIds.IsStorable(instanceId) ? await hub.GetAsync(instanceId, payloads: false, cancellation) : null)
            ?? throw ClientErrors.Unknown(instanceId);
        return CoreHistory.From(instance, await hub.ReadHistoryAsync(instanceId, cancellation));
    }

    /// <inheritdoc />
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static OrchestrationRuntimeStatus ReadDedupeStatus(string name) =>
        Enum.TryParse(name, ignoreCase: true, out OrchestrationRuntimeStatus status)
            ? status
            : throw new ArgumentException($"Invalid orchestration runtime status: '{name}' for deduplication.");

    private async Task SteerAsync(string verb, string instanceId, EventKind kind, string? reason, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        InstanceIds.CheckText(reason, nameof(reason));
        SendOutcome outcome = await SendAsync(instanceId, kind, name: null, reason, cancellation: cancellation);
        if (outcome.Result != SendResult.Accepted)
            throw ClientErrors.Steer(verb, outcome, instanceId);
    }

    // No instance has an id that cannot be stored; the database would refuse the query.
    private async Task<SendOutcome> SendAsync(
        string instanceId,
        EventKind kind,
        string? name,
        string? data,
        EventDetail? detail = null,
        CancellationToken cancellation = default
    ) =>
        InstanceIds.IsStorable(instanceId)
            ? await hub.SendAsync(
                instanceId,
                new History.HistoryEvent(kind, -1, time.GetUtcNow().UtcDateTime, name, data, detail),
                cancellation
            )
            : new SendOutcome(SendResult.NotFound, Status: null);
}
