using Durable.Activities.Returns;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Operations.Training;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Returns;

/// <summary>A training job failed or ended early.</summary>
public sealed class TrainingEndedException(string jobName, TrainingResult result)
    : Exception(
        $"Training job {jobName} {(result.Ended is { } early ? $"was ended early ({early})" : $"ended as {result.State?.Status ?? "never started"}: {result.State?.Reason ?? "no reason was given"}")}; "
            + FormattableString.Invariant($"billed {result.State?.BillableSeconds ?? 0} s.")
    );

/// <summary>One training: read new rows, write the training set, train, judge against the served model and the baselines,
/// publish.</summary>
/// <remarks>If a run ends between its job and its verdict, the next run judges that job's model and starts no other. A model that fails the
/// gate is <c>Refused</c>, and the served one stays.</remarks>
public static class ReturnsTraining
{
    private const int MostAttempts = 3,
        MostJudgements = 3,
        Steps = 5;

    /// <exception cref="TaskFailedException">A step failed for good.</exception>
    /// <exception cref="TrainingEndedException">The job failed, or ran out of time.</exception>
    /// <exception cref="RunCancelledException">Cancelled; no job is running.</exception>
    /// <exception cref="LeaseNotProvenException">A job may still run; the reaper takes over.</exception>
    [Function(nameof(ReturnsTraining))]
    public static async Task<ReturnsResult> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, ReturnsRequest request)
    {
        using CancellationTokenSource ended = new();
        ReturnsRun run = new(
            RunLedger.RunId(context.InstanceId, context.CurrentUtcDateTime),
            context.InstanceId,
            context.CurrentUtcDateTime,
            request
        );
        Training training = new(context, run, CancelAsync(context, ended.Token));
        try
        {
            return await Closing.RunAsync(context, run.RunId, training.RunAsync, error => training.EndAsync(error, news: null));
        }
        finally
        {
            ended.Cancel(); // an open wait would keep the instance from ending
        }
    }

    private static async Task<string> CancelAsync(TaskOrchestrationContext context, CancellationToken ended) =>
        await context.WaitForExternalEvent<object?>(LeasedCluster.CancelEvent, ended) is { } reason ? $"{reason}" : "no reason given";

    private sealed class Training(TaskOrchestrationContext context, ReturnsRun run, Task<string> cancel)
    {
        private readonly List<PartitionOutcome> done = [];
        private string step = "begin";
        private IReadOnlyList<SourceRead> reads = [];
        private TrainingSet? set;
        private int billedSeconds,
            attempts;
        private decimal costUsd;

        public async Task<ReturnsResult> RunAsync()
        {
            await context.CallActivityAsync(nameof(BeginReturns), new ReturnsBegin(run, BeginReturns.Training, Steps), Retries.Standard);
            if (!run.Request.SkipDataPrep)
            {
                Begin("read");
                reads = await context.CallActivityAsync<IReadOnlyList<SourceRead>>(nameof(SyncReturns), run, Retries.Standard);
                Done(reads.Sum(read => read.Changed), reads.Sum(read => read.RejectedRows));
            }

            Begin("training-set");
            PreparedTraining prepared = await context.CallActivityAsync<PreparedTraining>(nameof(PrepareTraining), run, Retries.Standard);
            set = prepared.Set;
            Done(set.RowCount);
            if (prepared.JudgedVersion is { } version)
                return await EndAsync(TrainingEnding.UpToDate, null, version, null, [], news: null);

            TrainedArtifact trained = prepared.Trained ?? await TrainAsync(prepared);
            JudgedModel judged = await JudgeAndPublishAsync(prepared, trained);
            string error = FormattableString.Invariant($"test MSE {judged.TestMse:G5} on the last rows of {set.TrainUri}");
            ReturnsNews news = judged.IsAccepted
                ? new(
                    NotificationEvent.Completed,
                    $"returns: model {judged.Version} is served",
                    $"{error}; before it, {judged.CurrentVersion ?? "none"} was served."
                )
                : new(
                    NotificationEvent.GateFailed,
                    $"returns: model {judged.Version} was refused",
                    $"{error}. {string.Join("; ", judged.Failed)}. {judged.CurrentVersion ?? "No model"} goes on being served."
                );
            return await EndAsync(
                judged.IsAccepted ? TrainingEnding.Published : TrainingEnding.Refused,
                trained.JobName,
                judged.Version,
                judged.TestMse,
                judged.Failed,
                news
            );
        }

        public Task EndAsync(string? error, ReturnsNews? news)
        {
            PartitionOutcome[] outcomes = error is null ? [.. done] : [.. done, new PartitionOutcome(step, 0, 0, 0, 0, error)];
            return context.CallActivityAsync<RunStatistics>(
                nameof(FinishReturns),
                new ReturnsEnd(run, BeginReturns.Training, outcomes, error is null ? Steps - done.Count : 0, error, news),
                Retries.Standard
            );
        }

        private async Task<ReturnsResult> EndAsync(
            TrainingEnding state,
            string? jobName,
            string version,
            double? testMse,
            IReadOnlyList<string> refusals,
            ReturnsNews? news
        )
        {
            await EndAsync(error: null, news);
            Report(state.ToString());
            return new ReturnsResult(
                state,
                run.RunTs,
                reads,
                set!.RowCount,
                set.TrainUri,
                jobName,
                version,
                testMse,
                refusals,
                billedSeconds,
                costUsd,
                attempts
            );
        }

        private async Task<TrainedArtifact> TrainAsync(PreparedTraining prepared)
        {
            Begin("train");
            TrainingResult result = await StartAsync(prepared.Order, 1);
            while (IsWorthAnotherAttempt(result) && attempts < MostAttempts)
                result = await StartAsync(prepared.Order, attempts + 1);
            string jobName = JobName(prepared.Order, attempts);
            if (result.Ended is { } early && cancel.IsCompleted)
                throw new RunCancelledException($"{early}; billed {billedSeconds} s");
            if (!result.Succeeded || result.State?.ModelUri is not { } artifact)
                throw new TrainingEndedException(jobName, result);
            TrainedArtifact trained = new(prepared.Fingerprint, run.RunTs, jobName, artifact);
            await context.CallActivityAsync(nameof(RecordTraining), trained, Retries.Standard);
            Done(prepared.Set.RowCount);
            return trained;
        }

        private async Task<TrainingResult> StartAsync(TrainingOrder order, int attempt)
        {
            attempts = attempt;
            // A retry is another job, on demand: no spot capacity was available.
            TrainingOrder tried = attempt == 1 ? order : order with { JobName = JobName(order, attempt), Spot = false };
            TrainingResult result = await LeasedTraining.RunAsync(context, tried, run.RunId, cancel, phase => Report($"train: {phase}"));
            billedSeconds += result.State?.BillableSeconds ?? 0;
            costUsd += Math.Round(
                (result.State?.BillableSeconds ?? 0) * (result.Receipt.Machines is [{ } machine, ..] ? machine.HourlyPriceUsd : 0) / 3600,
                4
            );
            return result;
        }

        /// <summary>The job got no machine, lost it, or met a fault of the provider.</summary>
        private static bool IsWorthAnotherAttempt(TrainingResult result) =>
            result is { Ended: null, State: { HasEnded: true, Succeeded: false } state }
            && (
                state.Secondary is "MaxWaitTimeExceeded" or "Interrupted"
                || (
                    state.Reason is { } why
                    && (
                        why.Contains("CapacityError", StringComparison.Ordinal)
                        || why.Contains("InternalServerError", StringComparison.Ordinal)
                    )
                )
            );

        private static string JobName(TrainingOrder order, int attempt) => attempt == 1 ? order.JobName : $"{order.JobName}-a{attempt}";

        private async Task<JudgedModel> JudgeAndPublishAsync(PreparedTraining prepared, TrainedArtifact trained)
        {
            for (int judgement = 1; ; judgement++)
            {
                Begin("judge");
                if (cancel.IsCompleted)
                    throw new RunCancelledException(await cancel);
                JudgedModel judged = await context.CallActivityAsync<JudgedModel>(
                    nameof(JudgeModel),
                    new Candidate(run, prepared.Set, trained),
                    Retries.Standard
                );
                if (!judged.IsAccepted)
                {
                    Done(1);
                    return judged;
                }

                Begin("publish");
                try
                {
                    await context.CallActivityAsync<ModelPointer>(nameof(PublishModel), judged, Retries.Standard);
                    done.Add(new PartitionOutcome("judge", 1, 1, 0, 0));
                    Done(1);
                    return judged;
                }
                catch (TaskFailedException error)
                    when (judgement < MostJudgements && error.FailureDetails.IsCausedBy<PointerMovedException>())
                {
                    // Another model is served now: the comparison was with the wrong one.
                }
            }
        }

        private void Begin(string name) => Report(step = name);

        private void Done(long rows, long fallbacks = 0) => done.Add(new PartitionOutcome(step, rows, rows, fallbacks, 0));

        private void Report(string phase) =>
            context.SetCustomStatus(
                new
                {
                    phase,
                    done = done.Count,
                    failed = 0,
                    total = Steps,
                    rows = set?.RowCount,
                }
            );
    }
}
