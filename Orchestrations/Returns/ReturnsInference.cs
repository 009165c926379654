using Durable.Activities.Returns;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Returns;

/// <summary>One inference: read new rows, predict with the served model what lacks a prediction, score predictions whose outcome is
/// known.</summary>
public static class ReturnsInference
{
    private const int Steps = 3;

    private static readonly TaskOptions Retry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(4, TimeSpan.FromSeconds(2), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromSeconds(30))
        {
            HandleFailure = Retries.IsTransient,
        }
    );

    /// <exception cref="TaskFailedException">A step failed for good; stored rows stay.</exception>
    [Function(nameof(ReturnsInference))]
    public static async Task<InferenceResult> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        ReturnsRun run = new(
            RunLedger.RunId(context.InstanceId, context.CurrentUtcDateTime),
            context.InstanceId,
            context.CurrentUtcDateTime,
            new ReturnsRequest()
        );
        List<PartitionOutcome> done = [];
        string step = "begin";
        return await Closing.RunAsync(context, run.RunId, InferAsync, EndAsync);

        async Task<InferenceResult> InferAsync()
        {
            Report("begin");
            await context.CallActivityAsync(nameof(BeginReturns), new ReturnsBegin(run, BeginReturns.Inference, Steps), Retry);
            Report("read");
            IReadOnlyList<SourceRead> reads = await context.CallActivityAsync<IReadOnlyList<SourceRead>>(nameof(SyncReturns), run, Retry);
            Done(reads.Sum(read => read.Changed));
            Report("predict");
            PredictedRows predicted = await context.CallActivityAsync<PredictedRows>(nameof(PredictReturns), run, Retry);
            Done(predicted.Stored);
            Report("score");
            ScoredRows scored = await context.CallActivityAsync<ScoredRows>(nameof(ScoreReturns), run, Retry);
            Done(scored.Scored);
            await EndAsync(error: null);
            return new InferenceResult(
                predicted.Version is null ? InferenceEnding.NoModel
                    : predicted.Stored > 0 ? InferenceEnding.Predicted
                    : InferenceEnding.NothingNew,
                reads,
                predicted.Version,
                predicted.Stored,
                scored.Scored,
                scored.Mse
            );
        }

        Task EndAsync(string? error) =>
            context.CallActivityAsync<RunStatistics>(
                nameof(FinishReturns),
                new ReturnsEnd(
                    run,
                    BeginReturns.Inference,
                    error is null ? done : [.. done, new PartitionOutcome(step, 0, 0, 0, 0, error)],
                    0,
                    error
                ),
                Retry
            );

        void Report(string phase) =>
            context.SetCustomStatus(
                new
                {
                    phase = step = phase,
                    done = done.Count,
                    failed = 0,
                    total = Steps,
                }
            );

        void Done(long rows) => done.Add(new PartitionOutcome(step, rows, rows, 0, 0));
    }
}
