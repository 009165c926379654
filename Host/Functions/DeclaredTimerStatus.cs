using Durable.Host.Timers;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;

namespace Durable.Host.Functions;

/// <summary>Schedule status from the declaration alone: last is now, next follows from the schedule in the function's time zone. The
/// Functions host reports the same for a manual call.</summary>
internal sealed class DeclaredTimerStatus(FunctionCatalog catalog, IConfiguration settings, TimeProvider time) : ITimerStatus
{
    public ValueTask<TimerInfo> DescribeAsync(string function, CancellationToken cancellation)
    {
        DateTimeOffset now = time.GetUtcNow();
        ScheduleStatus status = new() { Last = now.UtcDateTime, LastUpdated = now.UtcDateTime };
        if (
            catalog.TryFind(function, FunctionKind.Timer, out FunctionEntry? entry)
            && TimerSchedule.Of(entry.Name, entry.Schedule!, settings).Next(now) is { } next
        )
            status.Next = next.UtcDateTime;
        return new(new TimerInfo { ScheduleStatus = status });
    }
}
