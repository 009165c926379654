using Durable.Host.History;
using Durable.Host.Store;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Fixtures;

/// <summary>A task hub in memory without engine: tests put instances into the state they need and see what clients asked for.</summary>
internal sealed class FakeTaskHub : ITaskHub
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 4, 12, 0, 0, 123, TimeSpan.Zero);
    private readonly SortedDictionary<string, InstanceRecord> instances = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TaskCompletionSource> endings = [];

    public string Name => "TestHub";

    /// <summary>Every start that was accepted.</summary>
    public List<StartRequest> Starts { get; } = [];

    /// <summary>Every message that was accepted.</summary>
    public List<(string InstanceId, HistoryEvent Message)> Messages { get; } = [];

    /// <summary>Whether the last purge took children along.</summary>
    public bool PurgedRecursively { get; private set; }

    /// <summary>What <see cref="ReadHistoryAsync"/> gives.</summary>
    public List<HistoryEvent> History { get; } = [];

    /// <summary>Happens after the look of a caller and before what it does: another start, an end.</summary>
    public Action<string>? Meanwhile { get; set; }

    /// <summary>Set to make every call fail.</summary>
    public Exception? Outage { get; set; }

    /// <summary>Puts an instance.</summary>
    public InstanceRecord Put(
        string id,
        OrchestrationRuntimeStatus status = OrchestrationRuntimeStatus.Running,
        string name = "Hello",
        string? input = "\"in\"",
        string? output = null,
        string? customStatus = null,
        bool outputIsText = false,
        DateTimeOffset? createdAt = null,
        string? parentId = null
    )
    {
        bool ended =
            status is OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Failed or OrchestrationRuntimeStatus.Terminated;
        InstanceRecord record = new(
            id,
            "e1",
            name,
            null,
            status,
            input,
            output,
            outputIsText,
            customStatus,
            null,
            createdAt ?? Noon,
            Noon.AddSeconds(2),
            ended ? Noon.AddSeconds(2) : null,
            null,
            null,
            parentId
        );
        this.instances[id] = record;
        if (ended && endings.Remove(id, out TaskCompletionSource? ending))
            ending.SetResult();
        return record;
    }

    public Task<StartOutcome> StartAsync(StartRequest request, CancellationToken cancellation = default)
    {
        ThrowIfOut();
        Meanwhile?.Invoke(request.InstanceId);
        if (
            this.instances.TryGetValue(request.InstanceId, out InstanceRecord? old)
            && (old.CompletedAt is null || request.Kept.Contains(old.Status))
        )
            return Task.FromResult(new StartOutcome(false, old.Status));
        Starts.Add(request);
        Put(request.InstanceId, OrchestrationRuntimeStatus.Pending, request.Name, request.Input);
        return Task.FromResult(new StartOutcome(true, OrchestrationRuntimeStatus.Pending));
    }

    public Task<InstanceRecord?> GetAsync(string instanceId, bool payloads, CancellationToken cancellation = default, bool input = true)
    {
        ThrowIfOut();
        return Task.FromResult(
            this.instances.GetValueOrDefault(instanceId) is { } found
                ? found with
                {
                    Input = payloads && input ? found.Input : null,
                    Output = payloads ? found.Output : null,
                }
                : null
        );
    }

    public Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string instanceId, CancellationToken cancellation = default) =>
        Task.FromResult<IReadOnlyList<HistoryEvent>>(History);

    public Task<InstancePage> ListAsync(InstanceQuery query, CancellationToken cancellation = default)
    {
        InstanceRecord[] found = [.. Select(query).Where(i => query.After is null || string.CompareOrdinal(i.InstanceId, query.After) > 0)];
        InstanceRecord[] page = [.. found.Take(query.PageSize)];
        return Task.FromResult(new InstancePage(page, found.Length > page.Length ? page[^1].InstanceId : null));
    }

    public Task<SendOutcome> SendAsync(string instanceId, HistoryEvent message, CancellationToken cancellation = default)
    {
        Meanwhile?.Invoke(instanceId);
        if (!this.instances.TryGetValue(instanceId, out InstanceRecord? found))
            return Task.FromResult(new SendOutcome(SendResult.NotFound, null));
        bool takes = message.Kind switch
        {
            EventKind.ExecutionRewound => found.Status == OrchestrationRuntimeStatus.Failed,
            EventKind.ExecutionSuspended => found.Status is OrchestrationRuntimeStatus.Running or OrchestrationRuntimeStatus.Pending,
            EventKind.ExecutionResumed => found.Status == OrchestrationRuntimeStatus.Suspended,
            _ => found.CompletedAt is null,
        };
        if (takes)
            Messages.Add((instanceId, message));
        SendResult refusal = found.CompletedAt is null ? SendResult.WrongState : SendResult.Finished;
        return Task.FromResult(new SendOutcome(takes ? SendResult.Accepted : refusal, found.Status));
    }

    public Task<int> PurgeAsync(string instanceId, bool recursive, CancellationToken cancellation = default)
    {
        PurgedRecursively = recursive;
        return Task.FromResult(this.instances.Remove(instanceId) ? 1 : 0);
    }

    public Task<int> PurgeAsync(InstanceQuery query, bool recursive, CancellationToken cancellation = default)
    {
        PurgedRecursively = recursive;
        InstanceRecord[] chosen = [.. Select(query)];
        foreach (InstanceRecord instance in chosen)
            this.instances.Remove(instance.InstanceId);
        return Task.FromResult(chosen.Length);
    }

    public async Task<InstanceRecord?> WaitAsync(
        string instanceId,
        bool completion,
        bool payloads,
        CancellationToken cancellation = default
    )
    {
        if (this.instances.GetValueOrDefault(instanceId) is { CompletedAt: null })
        {
            TaskCompletionSource ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
            endings[instanceId] = ending;
            await ending.Task.WaitAsync(cancellation);
        }

        return await GetAsync(instanceId, payloads, cancellation);
    }

    private IEnumerable<InstanceRecord> Select(InstanceQuery query) =>
        this.instances.Values.Where(i =>
            (query.CreatedFrom is null || i.CreatedAt >= query.CreatedFrom)
            && (query.CreatedTo is null || i.CreatedAt <= query.CreatedTo)
            && (query.Statuses is not { Count: > 0 } statuses || statuses.Contains(i.Status))
            && (query.InstanceId is null || i.InstanceId == query.InstanceId)
            && i.InstanceId.StartsWith(query.InstanceIdPrefix ?? string.Empty, StringComparison.Ordinal)
        );

    private void ThrowIfOut()
    {
        if (Outage is not null)
            throw Outage;
    }
}
