using Microsoft.Extensions.Logging;

namespace Durable.Orchestrations.Shared;

/// <summary>Log messages of orchestrations; the logger is silent on replays.</summary>
internal static partial class Log
{
    [LoggerMessage(
        EventId = 2101,
        Level = LogLevel.Error,
        Message = "{InstanceId}: the work under lease {LeaseId} failed, stopping its machines: {Error}"
    )]
    public static partial void RunFailed(ILogger logger, string instanceId, string leaseId, string error);

    [LoggerMessage(
        EventId = 2102,
        Level = LogLevel.Error,
        Message = "{InstanceId}: the machines of lease {LeaseId} could not be stopped yet: {Error}"
    )]
    public static partial void StopFailed(ILogger logger, string instanceId, string leaseId, string error);

    [LoggerMessage(EventId = 2103, Level = LogLevel.Warning, Message = "{InstanceId}: job {JobId} could not be killed: {Error}")]
    public static partial void KillFailed(ILogger logger, string instanceId, string jobId, string error);

    [LoggerMessage(
        EventId = 2104,
        Level = LogLevel.Warning,
        Message = "{InstanceId}: the failed run could not be closed in the ledger: {Error}"
    )]
    public static partial void CloseFailed(ILogger logger, string instanceId, string error);

    [LoggerMessage(
        EventId = 2111,
        Level = LogLevel.Warning,
        Message = "{InstanceId}: Spark was not stopped; its machines are stopped next: {Error}"
    )]
    public static partial void SparkNotStopped(ILogger logger, string instanceId, string error);
}
