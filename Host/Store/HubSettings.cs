namespace Durable.Host.Store;

/// <summary>Engine settings, from host.json.</summary>
internal sealed record HubSettings
{
    /// <summary>Task hub name.</summary>
    public string HubName { get; init; } = "TestHubName";

    /// <summary>Most activities run at once. Default 10 per core.</summary>
    public int MaxConcurrentActivities { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>Most orchestrator turns run at once. Default 10 per core.</summary>
    public int MaxConcurrentOrchestrators { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>Keeps an orchestrator's state between turns instead of replaying its history for each.</summary>
    public bool ExtendedSessions { get; init; }

    /// <summary>How long an idle instance is held. Default 30 s.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most instances held at once; above it, idle ones are released.</summary>
    public int MaxSessions { get; init; } = 4000;

    /// <summary>Lease duration: how long a host keeps its work without renewing. Default 10 s.</summary>
    public TimeSpan LeaseTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between renewals, and between checks for dead hosts. Default 2 s.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often a call is redelivered, each time because its host died during it, before it fails as poison. Setting
    /// <c>Durable:MaxDeliveries</c>; default 10.</summary>
    public int MaxDeliveries { get; init; } = DefaultMaxDeliveries;

    /// <inheritdoc cref="MaxDeliveries"/>
    public const int DefaultMaxDeliveries = 10;

    /// <summary>How long an ended instance is kept; zero: forever. Setting <c>Durable:InstanceRetention</c>; default 30 days.</summary>
    public TimeSpan InstanceRetention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Events of one execution above which a warning names the remedy.</summary>
    public int LongHistory { get; init; } = 10_000;

    /// <summary>Most events of one execution; a turn that would exceed it fails the instance. Zero: no limit. Setting
    /// <c>Durable:MaxHistoryEvents</c>; default 250,000.</summary>
    public int MaxHistoryEvents { get; init; } = 250_000;

    /// <summary>How long a stopping host waits for running activities. Default 5 s.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
