using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Host.Client;

/// <summary>Queries, waits and purges.</summary>
internal sealed partial class EmbeddedDurableTaskClient
{
    /// <inheritdoc />
    public override async Task<OrchestrationMetadata?> GetInstancesAsync(
        string instanceId,
        bool getInputsAndOutputs = false,
        CancellationToken cancellation = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        InstanceRecord? instance = InstanceIds.IsStorable(instanceId)
            ? await hub.GetAsync(instanceId, getInputsAndOutputs, cancellation)
            : null;
        return instance is null ? null : Show(instance, getInputsAndOutputs);
    }

    /// <inheritdoc />
    /// <exception cref="Grpc.Core.RpcException">There is no such instance.</exception>
    public override Task<OrchestrationMetadata> WaitForInstanceStartAsync(
        string instanceId,
        bool getInputsAndOutputs = false,
        CancellationToken cancellation = default
    ) => WaitAsync(instanceId, completion: false, getInputsAndOutputs, cancellation);

    /// <inheritdoc />
    /// <exception cref="Grpc.Core.RpcException">There is no such instance.</exception>
    public override Task<OrchestrationMetadata> WaitForInstanceCompletionAsync(
        string instanceId,
        bool getInputsAndOutputs = false,
        CancellationToken cancellation = default
    ) => WaitAsync(instanceId, completion: true, getInputsAndOutputs, cancellation);

    /// <inheritdoc />
    /// <remarks>Pages are ordered by instance id. An empty result is one empty page; the last page has no token; a foreign token finds
    /// nothing.</remarks>
    public override AsyncPageable<OrchestrationMetadata> GetAllInstancesAsync(OrchestrationQuery? filter = null)
    {
        filter ??= new OrchestrationQuery();
        InstanceQuery query = Query(filter.CreatedFrom, filter.CreatedTo, filter.Statuses) with
        {
            InstanceIdPrefix = filter.InstanceIdPrefix,
            Payloads = filter.FetchInputsAndOutputs,
        };
        bool ours = filter.TaskHubNames?.ToArray() is not { Length: > 0 } hubs || hubs.Contains(hub.Name, StringComparer.OrdinalIgnoreCase);
        return Pageable.Create(
            async (token, size, cancellation) =>
            {
                int pageSize = size ?? filter.PageSize;
                ArgumentOutOfRangeException.ThrowIfLessThan(pageSize, 1, nameof(filter.PageSize));
                if (
                    !ours
                    || !IsStorable(query.InstanceIdPrefix)
                    || !PageToken.TryRead(token ?? filter.ContinuationToken, out string? after)
                )
                    return new Page<OrchestrationMetadata>([]);
                InstancePage page = await hub.ListAsync(query with { PageSize = pageSize, After = after }, cancellation);
                return new Page<OrchestrationMetadata>(
                    [.. page.Instances.Select(i => Show(i, filter.FetchInputsAndOutputs))],
                    PageToken.Write(page.Next)
                );
            }
        );
    }

    /// <summary>Ids of instances, in their order, by status and time of completion.</summary>
    /// <param name="runtimeStatus">Statuses to include; none means all.</param>
    /// <param name="completedTimeFrom">Earliest completion; excludes unfinished instances.</param>
    /// <param name="completedTimeTo">Latest completion; excludes unfinished instances.</param>
    /// <param name="pageSize">Ids wanted, 1 or more.</param>
    /// <param name="lastInstanceKey">Continuation token of the previous page.</param>
    /// <param name="cancellation">Cancels the query.</param>
    /// <returns>Up to <paramref name="pageSize"/> ids and the token of the next page, null on the last.</returns>
    public override async Task<Page<string>> ListInstanceIdsAsync(
        IEnumerable<OrchestrationRuntimeStatus>? runtimeStatus = null,
        DateTimeOffset? completedTimeFrom = null,
        DateTimeOffset? completedTimeTo = null,
        int pageSize = OrchestrationQuery.DefaultPageSize,
        string? lastInstanceKey = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageSize, 1);
        if (!PageToken.TryRead(lastInstanceKey, out string? after))
            return new Page<string>([]);

        // The hub does not index the time of completion: read on until the page is full.
        List<string> ids = [];
        InstanceQuery query = Query(from: null, to: null, runtimeStatus) with { PageSize = pageSize };
        do
        {
            InstancePage page = await hub.ListAsync(query with { After = after }, cancellation);
            foreach (InstanceRecord instance in page.Instances)
            {
                if (
                    completedTimeFrom > (instance.CompletedAt ?? DateTimeOffset.MinValue)
                    || completedTimeTo < (instance.CompletedAt ?? DateTimeOffset.MaxValue)
                )
                    continue;
                ids.Add(instance.InstanceId);
                bool more = page.Next is not null || instance != page.Instances[^1];
                if (ids.Count == pageSize)
                    return new Page<string>(ids, more ? PageToken.Write(instance.InstanceId) : null);
            }

            after = page.Next;
        } while (after is not null);
        return new Page<string>(ids);
    }

    /// <inheritdoc />
    /// <remarks>Purges running instances too, as recorded. Recursive also purges the children; the official extension does not.</remarks>
    /// <returns>How many instances were deleted; 0 for an unknown id.</returns>
    public override async Task<PurgeResult> PurgeInstanceAsync(
        string instanceId,
        PurgeInstanceOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        return new PurgeResult(
            InstanceIds.IsStorable(instanceId) ? await hub.PurgeAsync(instanceId, options?.Recursive ?? false, cancellation) : 0
        );
    }

    /// <inheritdoc />
    public override async Task<PurgeResult> PurgeAllInstancesAsync(
        PurgeInstancesFilter filter,
        PurgeInstanceOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(filter);
        return new PurgeResult(
            await hub.PurgeAsync(Query(filter.CreatedFrom, filter.CreatedTo, filter.Statuses), options?.Recursive ?? false, cancellation)
        );
    }

    private static InstanceQuery Query(DateTimeOffset? from, DateTimeOffset? to, IEnumerable<OrchestrationRuntimeStatus>? statuses) =>
        new(from, to, statuses?.ToArray());

    private static bool IsStorable(string? text) => text is null || InstanceIds.IsStorable(text);

    private async Task<OrchestrationMetadata> WaitAsync(string instanceId, bool completion, bool payloads, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        InstanceRecord? instance = InstanceIds.IsStorable(instanceId)
            ? await hub.WaitAsync(instanceId, completion, payloads, cancellation)
            : null;
        return instance is not null ? Show(instance, payloads) : throw ClientErrors.NothingToWaitFor(instanceId);
    }

    private OrchestrationMetadata Show(InstanceRecord instance, bool payloads) => InstanceMetadata.From(instance, payloads, converter);
}
