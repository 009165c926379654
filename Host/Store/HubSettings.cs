namespace Durable.Host.Store;

/// <summary>What the engine is configured with; from host.json.</summary>
internal sealed record HubSettings
{
    /// <summary>Task hub name.</summary>
    public string HubName { get; init; } = "TestHubName";

    /// <summary>Activities run at once. Default 10 per core.</summary>
    public int MaxConcurrentActivities { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>Orchestrator turns run at once. Default 10 per core.</summary>
    public int MaxConcurrentOrchestrators { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>Keeps an orchestrator's state between its turns instead of replaying its history for each.</summary>
    public bool ExtendedSessions { get; init; }

    /// <summary>How long an instance without anything to do is held. Default 30 s.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Instances held at once; idle ones above it are given up.</summary>
    public int MaxSessions { get; init; } = 4000;

    /// <summary>How long a host that stopped renewing keeps its work. Default 10 s.</summary>
    public TimeSpan LeaseTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between renewals; also how often the dead are looked for. Default 2 s.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often a redelivered call is begun before it fails as poison: each time its host ended with it. Setting
    /// <c>Durable:MaxDeliveries</c>; default 10.</summary>
    public int MaxDeliveries { get; init; } = DefaultMaxDeliveries;

    /// <inheritdoc cref="MaxDeliveries"/>
    public const int DefaultMaxDeliveries = 10;

    /// <summary>How long an instance is kept after its end; zero keeps it for ever. Setting <c>Durable:InstanceRetention</c>; default 30
    /// days.</summary>
    public TimeSpan InstanceRetention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Events of one execution from which on a warning names the remedy.</summary>
    public int LongHistory { get; init; } = 10_000;

    /// <summary>Most events of one execution: the turn that would exceed it fails the instance. Zero: no limit. Setting
    /// <c>Durable:MaxHistoryEvents</c>; default 250,000.</summary>
    public int MaxHistoryEvents { get; init; } = 250_000;

    /// <summary>How long a stopping host waits for running activities. Default 5 s.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
