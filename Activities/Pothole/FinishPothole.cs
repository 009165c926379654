using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Pothole;

/// <summary>An ended day.</summary>
/// <param name="Error">What went wrong; null when nothing did.</param>
public sealed record PotholeEnd(PotholeRun Run, PotholeResult Result, LoadedSegments? Loaded, string? FailedStep, string? Error);

/// <summary>Closes the run in the ledger and adds notifications and, on success, the day's summary to the outbox. Safe to run
/// twice.</summary>
public sealed class FinishPothole(RunLedger ledger, NotificationOutbox outbox, SegmentTable table)
{
    [Function(nameof(FinishPothole))]
    public async Task<RunStatistics> RunAsync([ActivityTrigger] PotholeEnd end, CancellationToken cancellationToken)
    {
        PartitionOutcome[] outcomes =
        [
            .. end.Result.Steps.Select(step => new PartitionOutcome($"{end.Run.Date}/{step.Step}", step.Rows, step.Rows, 0, 0)),
            .. end.Error is null ? [] : new[] { new PartitionOutcome($"{end.Run.Date}/{end.FailedStep}", 0, 0, 0, 0, end.Error) },
        ];
        RunStatistics statistics = await ledger.FinishAsync(
            end.Run.RunId,
            outcomes,
            end.Result.Skipped.Count,
            end.Error,
            cancellationToken
        );
        await outbox.AddRunAsync(statistics, cancellationToken);
        if (end.Error is null && end.Loaded is { } loaded)
        {
            (string subject, string body) = PotholeSummary.Of(
                end.Result,
                loaded,
                await table.WorstAsync(end.Run.Date, 5, cancellationToken)
            );
            await outbox.AddAsync($"{end.Run.RunId}:summary", NotificationEvent.Completed, subject, body, cancellationToken);
        }

        return statistics;
    }
}
