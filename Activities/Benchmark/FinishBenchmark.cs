using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Pipelines.Benchmark;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Benchmark;

/// <summary>An ended suite.</summary>
/// <param name="Error">What ended it early; null when nothing did.</param>
public sealed record BenchmarkEnd(BenchmarkRun Run, SuiteResult Result, string? Error);

/// <summary>Releases the models, closes the run in the ledger, stores the comparison and adds notifications to the outbox. Safe to run
/// twice.</summary>
public sealed class FinishBenchmark(Partitions partitions, RunLedger ledger, NotificationOutbox outbox, BenchmarkTable table)
{
    [Function(nameof(FinishBenchmark))]
    public async Task<RunStatistics> RunAsync([ActivityTrigger] BenchmarkEnd end, CancellationToken cancellationToken)
    {
        string runId = end.Run.RunId;
        await partitions.ReleaseAsync(runId, cancellationToken);
        ComparisonReport report = ComparisonReport.Make(runId, end.Result.Verdict, await table.NewestAsync(cancellationToken));
        string markdown = report.ToMarkdown();
        await table.SaveReportAsync(runId, end.Result.Verdict, report, markdown, report.ToChart(), cancellationToken);

        // A model that could not be run here has not failed: the suite ends as incomplete, with the reason.
        PartitionOutcome[] outcomes =
        [
            .. end
                .Result.Models.Where(model => model.State != ModelState.NotRun)
                .Select(model => new PartitionOutcome(
                    model.Model,
                    1,
                    1,
                    0,
                    (int)((model.Seconds ?? 0) * 1000),
                    model.State == ModelState.Passed ? null : $"{model.State}: {model.Reason}"
                )),
        ];
        RunStatistics statistics = await ledger.FinishAsync(runId, outcomes, end.Result.Present.Count, end.Error, cancellationToken);
        await outbox.AddRunAsync(statistics, cancellationToken);
        foreach (ModelOutcome model in end.Result.Models.Where(model => model.State == ModelState.GateFailed))
            await outbox.AddAsync(
                $"{runId}:{model.Model}:gate",
                NotificationEvent.GateFailed,
                $"benchmark gate failed: {model.Model}",
                model.Reason ?? "",
                cancellationToken
            );
        if (end.Result.Models.Count > 0)
            await outbox.AddAsync(
                $"{runId}:comparison",
                NotificationEvent.Completed,
                $"benchmark comparison: {end.Result.Verdict}",
                markdown,
                cancellationToken
            );
        return statistics;
    }
}
