namespace Durable.Host.Functions;

/// <summary>How long one call of an HTTP, timer or activity function may take. Orchestrators have no limit: they mostly wait.</summary>
internal sealed record FunctionLimits
{
    /// <summary>host.json's <c>functionTimeout</c>; null, the default here, means no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How long a cancelled function may clean up. Default 5 s.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);
}
