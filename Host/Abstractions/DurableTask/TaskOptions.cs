namespace Microsoft.DurableTask;

/// <summary>How an activity or sub-orchestration is called.</summary>
public record TaskOptions
{
    /// <summary>Options with retries.</summary>
    public TaskOptions(TaskRetryOptions? retry)
        : this(retry, null)
    {
    }

    /// <summary>Options with retries and tags.</summary>
    public TaskOptions(TaskRetryOptions? retry = null, IDictionary<string, string>? tags = null)
    {
        Retry = retry;
        Tags = tags;
    }

    /// <summary>A copy.</summary>
    public TaskOptions(TaskOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Retry = options.Retry;
        Tags = options.Tags;
        Version = options.Version;
    }

    /// <summary>When and how often a failed call is repeated. Default: once, no repetition.</summary>
    public TaskRetryOptions? Retry { get; init; }

    /// <summary>Tags of the call.</summary>
    public IDictionary<string, string>? Tags { get; init; }

    /// <summary>Version asked for.</summary>
    public TaskVersion? Version { get; init; }

    /// <summary>Options that retry by a policy.</summary>
    public static TaskOptions FromRetryPolicy(RetryPolicy policy) => new(policy);

    /// <summary>Options that ask a handler whether to retry.</summary>
    public static TaskOptions FromRetryHandler(AsyncRetryHandler handler) => new(handler);

    /// <summary>Options that ask a handler whether to retry.</summary>
    public static TaskOptions FromRetryHandler(RetryHandler handler) => new(handler);

    /// <summary>The same options for a sub-orchestration with a fixed id.</summary>
    public SubOrchestrationOptions WithInstanceId(string instanceId) => new(this, instanceId);
}

/// <summary>How a sub-orchestration is called.</summary>
public record SubOrchestrationOptions : TaskOptions
{
    /// <summary>Options with retries and a fixed child id; without one a new id is made.</summary>
    public SubOrchestrationOptions(TaskRetryOptions? retry = null, string? instanceId = null)
        : base(retry) => InstanceId = instanceId;

    /// <summary>The options of <paramref name="options"/> with a fixed child id.</summary>
    public SubOrchestrationOptions(TaskOptions options, string? instanceId = null)
        : base(options) => InstanceId = instanceId ?? (options as SubOrchestrationOptions)?.InstanceId;

    /// <summary>A copy.</summary>
    public SubOrchestrationOptions(SubOrchestrationOptions options)
        : base(options) => InstanceId = options.InstanceId;

    /// <summary>Id of the child; the same id is used for every attempt.</summary>
    public string? InstanceId { get; init; }

    /// <summary>Version of the child: <see cref="TaskOptions.Version"/> under the place the official type declares it too.</summary>
    public new TaskVersion? Version
    {
        get => base.Version;
        init => base.Version = value;
    }
}

/// <summary>How an orchestration is started.</summary>
public record StartOrchestrationOptions
{
    /// <summary>Options with an id (default: a new one) and a start time (default: now).</summary>
    public StartOrchestrationOptions(string? InstanceId = null, DateTimeOffset? StartAt = null)
    {
        this.InstanceId = InstanceId;
        this.StartAt = StartAt;
    }

    /// <summary>A copy.</summary>
    public StartOrchestrationOptions(StartOrchestrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        InstanceId = options.InstanceId;
        StartAt = options.StartAt;
        Tags = options.Tags;
        Version = options.Version;
        DedupeStatuses = options.DedupeStatuses;
    }

    /// <summary>Id of the instance.</summary>
    public string? InstanceId { get; init; }

    /// <summary>When to start it.</summary>
    public DateTimeOffset? StartAt { get; init; }

    /// <summary>Tags of the instance.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Version of the orchestration.</summary>
    public TaskVersion? Version { get; init; }

    /// <summary>Statuses under which an instance of the same id is not replaced. Checked for known names, not honoured by the Functions host.</summary>
    public IReadOnlyList<string>? DedupeStatuses { get; init; }
}

/// <summary>How an orchestration starts over.</summary>
public class ContinueAsNewOptions
{
    /// <summary>Input of the next execution.</summary>
    public object? NewInput { get; set; }

    /// <summary>Whether events not yet waited for move on. Default true.</summary>
    public bool PreserveUnprocessedEvents { get; set; } = true;

    /// <summary>Version of the next execution; null keeps it.</summary>
    public string? NewVersion { get; set; }
}

/// <summary>The orchestration that called this one.</summary>
public record ParentOrchestrationInstance(TaskName Name, string InstanceId);
