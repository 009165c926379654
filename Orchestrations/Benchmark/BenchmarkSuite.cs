using System.Globalization;
using Durable.Activities.Benchmark;
using Durable.Activities.Operations;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Benchmark;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Benchmark;

/// <summary>Runs the suite's models that are missing, failed or stale, by priority and within a budget of memory and processors; then
/// compares them.</summary>
/// <remarks>A failed model does not stop the others. The suite ends as its worst model: one that could not be run here makes it incomplete,
/// not passed. Ends early, with its models, on the external event <see cref="LeasedCluster.CancelEvent"/>.</remarks>
public static class BenchmarkSuite
{
    /// <exception cref="BatchFailedException">Some models failed or missed their gate; the others are registered.</exception>
    /// <exception cref="RunCancelledException">Cancelled; running models were stopped.</exception>
    [Function(nameof(BenchmarkSuite))]
    public static async Task<SuiteResult> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, BenchmarkRequest request)
    {
        BenchmarkRun run = new(RunLedger.RunId(context.InstanceId, context.CurrentUtcDateTime), context.InstanceId, request);
        return await Closing.RunAsync(context, run.RunId, RunSuiteAsync);

        async Task<SuiteResult> RunSuiteAsync()
        {
            Suite suite = new(context, run, await context.CallActivityAsync<SuiteWork>(nameof(BeginBenchmark), run, Retries.Standard));
            string? cancelled = await suite.RunModelsAsync();
            SuiteResult result = suite.Result(cancelled);
            await context.CallActivityAsync<RunStatistics>(
                nameof(FinishBenchmark),
                new BenchmarkEnd(run, result, cancelled is null ? null : $"Cancelled: {cancelled}"),
                Retries.Standard
            );
            await context.CallActivityAsync<int>(nameof(DeliverNotifications), null, Retries.Standard);
            if (cancelled is not null)
                throw new RunCancelledException(cancelled);
            return result.Failed == 0
                ? result
                : throw new BatchFailedException(
                    $"{result.Failed} of {result.Models.Count} models failed: {string.Join("; ", result.Models.Where(model => model.State is ModelState.Failed or ModelState.GateFailed).Select(model => $"{model.Model} {model.State}: {Short(model.Reason)}"))} Start again to do these only."
                );
        }
    }

    private static string Short(string? reason) =>
        reason is null ? ""
        : reason.Length <= 300 ? reason
        : reason[..300] + "…";

    private sealed class Suite(TaskOrchestrationContext context, BenchmarkRun run, SuiteWork work)
    {
        private readonly List<ModelOutcome> outcomes = [];
        private readonly List<(ModelWork Work, string InstanceId, Task<ModelOutcome> Task)> running = [];

        /// <returns>Why the suite was cancelled; null when it was not.</returns>
        public async Task<string?> RunModelsAsync()
        {
            using CancellationTokenSource ended = new();
            Task<object?> cancel = context.WaitForExternalEvent<object?>(LeasedCluster.CancelEvent, ended.Token);
            Queue<ModelWork> waiting = new(work.Models);
            string? cancelled = null;
            while (waiting.Count + running.Count > 0)
            {
                // Strictly by priority: a small model does not overtake a large one that waits for memory.
                while (waiting.TryPeek(out ModelWork? next) && (next.Refusal is not null || cancelled is not null || Fits(next)))
                {
                    waiting.Dequeue();
                    if (cancelled is not null)
                        await RefuseAsync(next, ModelState.Cancelled, $"cancelled: {cancelled}");
                    else if (next.Refusal is { } refusal)
                        await RefuseAsync(next, ModelState.Failed, refusal);
                    else
                        Start(next);
                }

                Report();
                if (running.Count == 0)
                    continue;
                List<Task> awaited = [.. running.Select(model => model.Task)];
                if (cancelled is null)
                    awaited.Add(cancel);
                Task first = await Task.WhenAny(awaited);
                if (first == cancel)
                {
                    cancelled = await cancel is { } reason ? $"{reason}" : "no reason given";
                    foreach ((_, string instanceId, _) in running)
                        context.SendEvent(instanceId, LeasedCluster.CancelEvent, cancelled);
                    continue;
                }

                await CollectAsync(first);
            }

            ended.Cancel();
            return cancelled;
        }

        public SuiteResult Result(string? cancelled)
        {
            Verdict verdict =
                cancelled is not null ? Verdict.Cancelled
                : outcomes.Any(model => model.State is ModelState.Failed or ModelState.GateFailed or ModelState.Cancelled) ? Verdict.Failed
                : outcomes.Any(model => model.State == ModelState.NotRun) ? Verdict.Incomplete
                : Verdict.Passed;
            return new SuiteResult(
                run.RunId,
                verdict,
                [.. outcomes.OrderBy(outcome => work.Models.ToList().FindIndex(model => model.Model == outcome.Model))],
                work.Present
            );
        }

        private bool Fits(ModelWork next) =>
            running.Sum(model => model.Work.MemoryMb) + next.MemoryMb <= work.MemoryMb
            && running.Sum(model => model.Work.Cpus) + next.Cpus <= work.Cpus;

        private void Start(ModelWork next)
        {
            // The run's start makes the id unique: a terminated suite may have left a model that is still ending.
            string instanceId = string.Create(CultureInfo.InvariantCulture, $"{run.RunId.Replace('/', '-')}-{next.Model}");
            running.Add(
                (
                    next,
                    instanceId,
                    context.CallSubOrchestratorAsync<ModelOutcome>(
                        nameof(ModelBenchmark),
                        Order(next),
                        new SubOrchestrationOptions(instanceId: instanceId)
                    )
                )
            );
        }

        private async Task CollectAsync(Task first)
        {
            (ModelWork model, string instanceId, Task<ModelOutcome> task) = running.Single(one => one.Task == first);
            running.RemoveAll(one => one.Task == first);
            try
            {
                outcomes.Add(await task);
            }
            catch (TaskFailedException error)
            {
                // Terminated, or its own records could not be written.
                string reason = $"{instanceId} did not end by itself: {error.FailureDetails.ErrorMessage}";
                outcomes.Add(
                    await context.CallActivityAsync<ModelOutcome>(
                        nameof(EndModel),
                        new ModelEnd(Order(model).Key, ModelState.Failed, reason, model.Fingerprint),
                        Retries.Standard
                    )
                );
            }
        }

        private async Task RefuseAsync(ModelWork model, ModelState state, string reason) =>
            outcomes.Add(
                await context.CallActivityAsync<ModelOutcome>(
                    nameof(RefuseModel),
                    new ModelRefusal(Order(model), context.InstanceId, state, reason),
                    Retries.Standard
                )
            );

        private ModelOrder Order(ModelWork model) => new(new ModelKey(run.RunId, model.Model), run.Request, model.Fingerprint);

        private void Report() =>
            context.SetCustomStatus(
                new
                {
                    phase = running.Count > 0 ? string.Join(", ", running.Select(model => model.Work.Model)) : "finishing",
                    done = outcomes.Count(model => model.State is ModelState.Passed or ModelState.NotRun),
                    failed = outcomes.Count(model => model.State is not (ModelState.Passed or ModelState.NotRun)),
                    total = work.Models.Count,
                    models = outcomes.Select(model => new
                    {
                        model.Model,
                        model.State,
                        model.Accuracy,
                    }),
                }
            );
    }
}
