using Microsoft.Extensions.Logging;

namespace Durable.Orchestrations.Benchmark;

internal static partial class Log
{
    [LoggerMessage(
        EventId = 2610,
        Level = LogLevel.Warning,
        Message = "{InstanceId}: the record of {Model} is not yet on the tracking server and waits for an export: {Reason}"
    )]
    public static partial void NotTracked(ILogger logger, string instanceId, string model, string reason);
}
