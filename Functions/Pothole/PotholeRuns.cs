using Durable.Pipelines.Pothole;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Pothole;

/// <summary>Days with a running run.</summary>
internal static class PotholeRuns
{
    private const string DayPrefix = "pothole-",
        RangePrefix = "pothole-backfill-";

    private static readonly OrchestrationRuntimeStatus[] Open =
    [
        OrchestrationRuntimeStatus.Running,
        OrchestrationRuntimeStatus.Pending,
        OrchestrationRuntimeStatus.Suspended,
    ];

    /// <summary>An unfinished run that covers one of these days; a range takes precedence over a single day, which may belong to it. Null
    /// when there is none.</summary>
    public static async Task<string?> FindActiveAsync(
        this DurableTaskClient client,
        DateOnly from,
        DateOnly to,
        CancellationToken cancellationToken
    )
    {
        string? day = null;
        await foreach (
            OrchestrationMetadata run in client
                .GetAllInstancesAsync(new OrchestrationQuery(Statuses: Open, InstanceIdPrefix: DayPrefix))
                .WithCancellation(cancellationToken)
        )
        {
            if (Days(run.InstanceId) is not { } days || days.From > to || days.To < from)
                continue;
            if (run.InstanceId.StartsWith(RangePrefix, StringComparison.Ordinal))
                return run.InstanceId;
            day ??= run.InstanceId;
        }

        return day;
    }

    private static (DateOnly From, DateOnly To)? Days(string instanceId)
    {
        string range = instanceId.StartsWith(RangePrefix, StringComparison.Ordinal) ? instanceId[RangePrefix.Length..] : "";
        if (range.Length == 21 && RunDates.TryRead(range[..10], out DateOnly from) && RunDates.TryRead(range[11..], out DateOnly to))
            return (from, to);
        return RunDates.TryRead(instanceId[DayPrefix.Length..], out DateOnly day) ? (day, day) : null;
    }
}
