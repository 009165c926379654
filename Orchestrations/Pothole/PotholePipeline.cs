using Durable.Activities.Pothole;
using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Pothole;

/// <summary>One day of road sensors: check the input, run the stages on the leased cluster, load the result, close the run.</summary>
/// <remarks>Without data for the day, ends as <c>NoInput</c> before any machine starts. A failed day, started again, continues with the
/// first step that is not done. The run's outcome is its worst step: a clean stop never turns a failed day green.</remarks>
public static class PotholePipeline
{
    /// <exception cref="TaskFailedException">A step in this process failed for good.</exception>
    /// <exception cref="ClusterStepException">A step on the cluster failed for good.</exception>
    /// <exception cref="LeaseNotProvenException">The machines could not be proven off; the reaper takes over.</exception>
    [Function(nameof(PotholePipeline))]
    public static async Task<PotholeResult> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, PotholeRequest request)
    {
        PotholeRun run = new(RunLedger.RunId(context.InstanceId, context.CurrentUtcDateTime), context.InstanceId, request);
        PotholeProgress progress = new(context, request.Date);
        PotholeWork? work = null;
        LeaseReceipt? receipt = null;
        LoadedSegments? loaded = null;
        return await Closing.RunAsync(context, run.RunId, RunDayAsync, error => EndAsync(DayState.Failed, error));

        async Task<PotholeResult> RunDayAsync()
        {
            progress.Report("checking input");
            work = await context.CallActivityAsync<PotholeWork>(nameof(BeginPothole), run, Retries.Standard);
            progress.Expect(work.Steps.Count(step => step.IsToDo));
            if (!work.HasInput)
                return await EndAsync(DayState.NoInput, $"NoInput: {work.InputPrefix} has no data. Nothing was started.");
            if (work.Stages.Count > 0)
                receipt = await new ClusterStages(context, run, work, progress).RunAsync();
            if (work.Steps.Any(step => step is { Step: PotholePlanner.Load, IsToDo: true }))
                loaded = await LoadAsync(context, run, work, progress);
            return await EndAsync(DayState.Succeeded, error: null);
        }

        async Task<PotholeResult> EndAsync(DayState state, string? error)
        {
            string[] skipped = [.. work?.Steps.Where(step => !step.IsToDo).Select(step => step.Step) ?? []];
            PotholeResult result = new(run.Date, state, progress.Done, skipped, receipt, loaded?.Warnings ?? []);
            await context.CallActivityAsync<RunStatistics>(
                nameof(FinishPothole),
                new PotholeEnd(run, result, loaded, progress.Step, error),
                Retries.Standard
            );
            progress.Report(state.ToString());
            return result;
        }
    }

    private static async Task<LoadedSegments> LoadAsync(
        TaskOrchestrationContext context,
        PotholeRun run,
        PotholeWork work,
        PotholeProgress progress
    )
    {
        progress.Begin(PotholePlanner.Load);
        LoadedSegments loaded = await context.CallActivityAsync<LoadedSegments>(
            nameof(LoadSegments),
            new LoadOrder(run, work.LoadFingerprint),
            Retries.Standard
        );
        progress.Add(
            new StepDone(
                PotholePlanner.Load,
                loaded.Rows,
                FormattableString.Invariant($"{loaded.Impacts} impacts, {loaded.Removed} removed")
            )
        );
        return loaded;
    }
}
