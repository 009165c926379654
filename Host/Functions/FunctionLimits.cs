namespace Durable.Host.Functions;

/// <summary>How long one call of an HTTP, timer or activity function may take. Orchestrators have no limit: they wait, they do not
/// run.</summary>
internal sealed record FunctionLimits
{
    /// <summary>host.json's <c>functionTimeout</c>; null, the default here, is without end.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How long a function whose token was cancelled may still clean up. Default 5 s.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);
}
