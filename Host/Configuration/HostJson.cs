using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Configuration;

/// <summary>Which existing instances a start with the same id may replace (<c>overridableExistingInstanceStates</c>).</summary>
internal enum OverridableStates
{
    /// <summary>Any, even running ones.</summary>
    AnyState,

    /// <summary>Only those that have finished. The default.</summary>
    NonRunningStates,
}

/// <summary>The host.json settings this host supports; defaults are those of the Functions host.</summary>
/// <remarks>App settings named <c>AzureFunctionsJobHost__path__to__setting</c> override the file, and <c>%NAME%</c> in a text stands for an
/// app setting. Names ignore case. Unknown settings are accepted, as on the Functions host, and reported as ignored.</remarks>
internal sealed record HostJson
{
    /// <summary>How long an HTTP, timer or activity function may run (<c>functionTimeout</c>); null = no limit (<c>"-1"</c>). Default 30
    /// min, at least 1 s.</summary>
    public TimeSpan? FunctionTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Lowest level logged per category (<c>logging.logLevel</c>); <c>Default</c> is the rule for the rest, Information when
    /// absent.</summary>
    public IReadOnlyDictionary<string, LogLevel> LogLevels { get; init; } =
        new Dictionary<string, LogLevel>(StringComparer.OrdinalIgnoreCase) { ["Default"] = LogLevel.Information };

    /// <summary>First segment of every HTTP function's path, without slashes, may be empty (<c>extensions.http.routePrefix</c>). Default
    /// <c>api</c>.</summary>
    public string RoutePrefix { get; init; } = "api";

    /// <summary>Task hub (<c>extensions.durableTask.hubName</c>): a letter, then letters and digits, 3 to 52 in all. Default
    /// <c>WEBSITE_SITE_NAME</c>'s letters and digits, else <c>TestHubName</c>.</summary>
    public string HubName { get; init; } = "TestHubName";

    /// <summary>The hub's PostgreSQL schema: its name in lower case.</summary>
    public string Schema => HubName.ToLowerInvariant();

    /// <summary>Npgsql connection string of the hub: setting <c>DurablePostgres</c>, else <c>PostgresConnection</c>. Empty only when
    /// reading failed.</summary>
    public string PostgresConnection { get; init; } = "";

    /// <summary>Most activities one host runs at once. Default 10 per core.</summary>
    public int MaxConcurrentActivityFunctions { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>Most orchestrator turns one host runs at once. Default 10 per core.</summary>
    public int MaxConcurrentOrchestratorFunctions { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>Keeps an orchestrator's state between its turns instead of replaying. Default false.</summary>
    public bool ExtendedSessionsEnabled { get; init; }

    /// <summary>How long idle state is kept (<c>extendedSessionIdleTimeoutInSeconds</c>). Default 30 s.</summary>
    public TimeSpan ExtendedSessionIdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Spans of orchestrations and activities (<c>tracing.distributedTracingEnabled</c>). Default true here: spans cost nothing
    /// until an OpenTelemetry endpoint is configured.</summary>
    public bool DistributedTracingEnabled { get; init; } = true;

    /// <summary><c>tracing.version</c>: <c>None</c>, <c>V1</c> or <c>V2</c>. This host's spans are the same for every value.</summary>
    public string TracingVersion { get; init; } = "V2";

    /// <summary>Which instances a start may replace. Default: finished ones.</summary>
    public OverridableStates OverridableExistingInstanceStates { get; init; } = OverridableStates.NonRunningStates;

    /// <summary>Reads <c>host.json</c> in the folder <paramref name="contentRoot"/>; a missing file counts as <c>{}</c>. Never throws
    /// because of the content.</summary>
    /// <param name="contentRoot">Folder of the app.</param>
    /// <param name="settings">App settings.</param>
    public static HostJsonReading Load(string contentRoot, IConfiguration settings) =>
        HostJsonReader.Read(Path.Combine(contentRoot, "host.json"), settings);
}

/// <summary>What was read from host.json.</summary>
/// <param name="Settings">The settings; invalid ones have their default.</param>
/// <param name="Errors">Why the host must not start, each with setting, value and remedy; empty when it may.</param>
/// <param name="Ignored">Paths present in the file that have no effect on this host, sorted.</param>
internal sealed record HostJsonReading(HostJson Settings, IReadOnlyList<string> Errors, IReadOnlyList<string> Ignored);

/// <summary>Logging as host.json configures it.</summary>
internal static class HostJsonLogging
{
    /// <summary>Applies <see cref="HostJson.LogLevels"/>.</summary>
    public static ILoggingBuilder AddHostJsonLevels(this ILoggingBuilder logging, HostJson settings)
    {
        foreach ((string category, LogLevel level) in settings.LogLevels)
        {
            if (category.Equals("Default", StringComparison.OrdinalIgnoreCase))
                logging.SetMinimumLevel(level);
            else
                logging.AddFilter(category, level);
        }

        return logging;
    }
}
