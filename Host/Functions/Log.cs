using Microsoft.Extensions.Logging;

namespace Durable.Host.Functions;

/// <summary>Messages about invocations.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "Executing '{function}' (invocation {invocationId})")]
    public static partial void Executing(ILogger logger, string function, string invocationId);

    [LoggerMessage(2, LogLevel.Debug, "Executed '{function}' (invocation {invocationId}) in {milliseconds:F1} ms")]
    public static partial void Executed(ILogger logger, string function, string invocationId, double milliseconds);

    [LoggerMessage(4, LogLevel.Debug, "Function '{function}' failed: the database is unavailable. {reason}")]
    public static partial void Outage(ILogger logger, string function, string reason);

    [LoggerMessage(3, LogLevel.Error, "Function '{function}' failed (invocation {invocationId}) after {milliseconds:F1} ms")]
    public static partial void Failed(ILogger logger, Exception exception, string function, string invocationId, double milliseconds);
}
