namespace Microsoft.DurableTask.Client;

/// <summary>Which instances a listing shows. Null means any.</summary>
public record OrchestrationQuery(
    DateTimeOffset? CreatedFrom = null, DateTimeOffset? CreatedTo = null, IEnumerable<OrchestrationRuntimeStatus>? Statuses = null,
    IEnumerable<string>? TaskHubNames = null, string? InstanceIdPrefix = null, int PageSize = OrchestrationQuery.DefaultPageSize,
    bool FetchInputsAndOutputs = false, string? ContinuationToken = null)
{
    /// <summary>Instances on a page unless told.</summary>
    public const int DefaultPageSize = 100;
}

/// <summary>How an instance is purged.</summary>
public record PurgeInstanceOptions(bool Recursive = false);

/// <summary>Which instances are purged. Null means any.</summary>
public record PurgeInstancesFilter(DateTimeOffset? CreatedFrom = null, DateTimeOffset? CreatedTo = null, IEnumerable<OrchestrationRuntimeStatus>? Statuses = null)
{
    /// <summary>Longest time to spend.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>How an instance is terminated.</summary>
public record TerminateInstanceOptions(object? Output = null, bool Recursive = false);

/// <summary>What a purge removed.</summary>
public class PurgeResult
{
    /// <summary>A count.</summary>
    public PurgeResult(int count) => PurgedInstanceCount = count;

    /// <summary>A count, and whether nothing is left to remove.</summary>
    public PurgeResult(int count, bool? isComplete)
        : this(count) => IsComplete = isComplete;

    /// <summary>Instances removed.</summary>
    public int PurgedInstanceCount { get; }

    /// <summary>Whether nothing is left to remove; null when unknown.</summary>
    public bool? IsComplete { get; }
}
