using Microsoft.Extensions.Logging;

namespace Durable.Host.Http;

/// <summary>Messages of the HTTP side.</summary>
internal static partial class Log
{
    [LoggerMessage(20, LogLevel.Error, "The result of HTTP function '{function}' could not be written (invocation {invocationId})")]
    public static partial void ResultFailed(ILogger logger, Exception exception, string function, string invocationId);

    [LoggerMessage(21, LogLevel.Information, "Function Function '{function}' was called manually through the admin API")]
    public static partial void CalledByHand(ILogger logger, string function);

    [LoggerMessage(22, LogLevel.Error, "Function '{function}', called by hand through the admin API, failed")]
    public static partial void ByHandFailed(ILogger logger, Exception exception, string function);
}
