using Microsoft.Extensions.Logging;

namespace Durable.Host.Hosting;

/// <summary>Messages at start.</summary>
internal static partial class HostLog
{
    [LoggerMessage(10, LogLevel.Error, "The host cannot run functions: {reason}")]
    public static partial void CannotRun(ILogger logger, string reason);

    [LoggerMessage(11, LogLevel.Information, "host.json settings without effect on this host: {settings}")]
    public static partial void Ignored(ILogger logger, string settings);

    [LoggerMessage(12, LogLevel.Information, "Functions found: {counts}")]
    public static partial void Found(ILogger logger, string counts);
}
