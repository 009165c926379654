using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace Durable.Activities.Operations;

/// <summary>A finished run.</summary>
/// <param name="Skipped">Partitions already in place.</param>
public sealed record RunToFinish(string RunId, IReadOnlyList<PartitionOutcome> Outcomes, int Skipped);

/// <summary>Releases the run's claims, closes it in the ledger, logs its numbers and adds notifications to the outbox. Safe to run
/// twice.</summary>
public sealed partial class FinishRun(Partitions partitions, RunLedger ledger, NotificationOutbox outbox, ILogger<FinishRun> logger)
{
    [Function(nameof(FinishRun))]
    public async Task<RunStatistics> RunAsync([ActivityTrigger] RunToFinish run, CancellationToken cancellationToken)
    {
        await partitions.ReleaseAsync(run.RunId, cancellationToken);
        RunStatistics statistics = await ledger.FinishAsync(run.RunId, run.Outcomes, run.Skipped, cancellationToken: cancellationToken);
        LogStatistics(
            logger,
            statistics.RunId,
            statistics.Total,
            statistics.Completed,
            statistics.Failed,
            statistics.SuccessRatePercent,
            statistics.DurationSeconds,
            statistics.AverageSpeed,
            statistics.Values,
            statistics.ValuesPerSecond,
            statistics.Fallbacks
        );
        await outbox.AddRunAsync(statistics, cancellationToken);
        return statistics;
    }

    [LoggerMessage(
        EventId = 2001,
        Level = LogLevel.Information,
        Message = "Run {RunId} ended. Total tasks: {Total}, completed: {Completed}, failed: {Failed}, success rate: "
            + "{SuccessRate:F2} %, duration: {Seconds:F1} s, "
            + "average speed: {Speed:F2} tasks/s; {Values} values at {ValuesPerSecond:F0}/s, {Fallbacks} of them from defaults."
    )]
    private static partial void LogStatistics(
        ILogger logger,
        string runId,
        int total,
        int completed,
        int failed,
        double successRate,
        double seconds,
        double speed,
        long values,
        double valuesPerSecond,
        long fallbacks
    );
}
