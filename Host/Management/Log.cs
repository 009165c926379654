using Microsoft.Extensions.Logging;

namespace Durable.Host.Management;

/// <summary>Messages of the management API: operations on instances, and internal errors.</summary>
internal static partial class Log
{
    [LoggerMessage(60, LogLevel.Information, "Started '{function}' as instance '{instanceId}' through the management API")]
    public static partial void Started(ILogger logger, string function, string instanceId);

    [LoggerMessage(61, LogLevel.Information, "{operation} of instance '{instanceId}' was requested through the management API")]
    public static partial void Sent(ILogger logger, ManagementOperation operation, string instanceId);

    [LoggerMessage(62, LogLevel.Information, "Purged {count} instances through the management API ({path})")]
    public static partial void Purged(ILogger logger, int count, string? path);

    [LoggerMessage(63, LogLevel.Error, "{operation} of instance '{instanceId}' through the management API failed (request {request})")]
    public static partial void Failed(
        ILogger logger,
        Exception exception,
        ManagementOperation operation,
        string instanceId,
        string request
    );
}
