namespace Microsoft.DurableTask.Client;

/// <summary>Statuses in <see cref="StartOrchestrationOptions"/>.</summary>
public static class StartOrchestrationOptionsExtensions
{
    /// <summary>Statuses that may be named.</summary>
    public static readonly IReadOnlyList<OrchestrationRuntimeStatus> ValidDedupeStatuses =
    [
        OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Failed, OrchestrationRuntimeStatus.Terminated, OrchestrationRuntimeStatus.Canceled,
        OrchestrationRuntimeStatus.Pending, OrchestrationRuntimeStatus.Running, OrchestrationRuntimeStatus.Suspended,
    ];

    /// <summary>The options with statuses under which an instance is not replaced.</summary>
    public static StartOrchestrationOptions WithDedupeStatuses(this StartOrchestrationOptions options, params OrchestrationRuntimeStatus[] dedupeStatuses)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options with { DedupeStatuses = [.. dedupeStatuses.Select(status => status.ToString())] };
    }
}

/// <summary>Purges without a filter object.</summary>
public static class DurableTaskClientExtensions
{
    /// <summary>Deletes the instances created in a span with one of the statuses.</summary>
    public static Task<PurgeResult> PurgeInstancesAsync(
        this DurableTaskClient client, DateTimeOffset? createdFrom, DateTimeOffset? createdTo, IEnumerable<OrchestrationRuntimeStatus>? statuses,
        PurgeInstanceOptions? options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.PurgeAllInstancesAsync(new PurgeInstancesFilter(createdFrom, createdTo, statuses), options, cancellation);
    }

    /// <summary>Deletes the instances created in a span with one of the statuses.</summary>
    public static Task<PurgeResult> PurgeInstancesAsync(
        this DurableTaskClient client, DateTimeOffset? createdFrom, DateTimeOffset? createdTo, IEnumerable<OrchestrationRuntimeStatus>? statuses, CancellationToken cancellation = default) =>
        PurgeInstancesAsync(client, createdFrom, createdTo, statuses, null, cancellation);

    /// <summary>Deletes the instances created in a span.</summary>
    public static Task<PurgeResult> PurgeInstancesAsync(
        this DurableTaskClient client, DateTimeOffset? createdFrom, DateTimeOffset? createdTo, PurgeInstanceOptions? options, CancellationToken cancellation = default) =>
        PurgeInstancesAsync(client, createdFrom, createdTo, null, options, cancellation);

    /// <summary>Deletes the instances created in a span.</summary>
    public static Task<PurgeResult> PurgeInstancesAsync(
        this DurableTaskClient client, DateTimeOffset? createdFrom, DateTimeOffset? createdTo, CancellationToken cancellation = default) =>
        PurgeInstancesAsync(client, createdFrom, createdTo, null, null, cancellation);
}
