using Durable.Activities.Pothole;
using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Operations.Remote;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;

namespace Durable.Orchestrations.Pothole;

/// <summary>A step on the cluster did not end well.</summary>
public sealed class ClusterStepException(string step, RemoteJobResult result)
    : Exception($"Step {step} {(result.Outcome == RemoteJobOutcome.Exited ? $"ended with exit code {result.ExitCode}" : result.Outcome == RemoteJobOutcome.Lost ? "was lost with its machine" : "ran out of time and was killed")} "
        + $"(attempt {result.Attempt}, job {result.JobId}). The end of its output: {Tail(result.OutputTail)}")
{
    private static string Tail(string output) => output.Length <= 600 ? output.Trim() : "…" + output[^600..].Trim();
}

/// <summary>One day of road sensors: check the input, lease and start the cluster, run the stages, stop the cluster, load the result.</summary>
/// <remarks>Ends as <c>NoInput</c> before any machine is started when the day has no data. A day that failed is started again and goes on with the first
/// step that is not done. The end is the worst of the steps: a clean stop never turns a failed day green.</remarks>
public static class PotholePipeline
{
    public const string Succeeded = "Succeeded", NoInput = "NoInput";

    /// <summary>Exit codes of a stage that another attempt cannot mend: bad arguments, no input.</summary>
    private static readonly int?[] Final = [2, 3];

    private static readonly TaskOptions Retry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(5, TimeSpan.FromSeconds(2), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromMinutes(1))
        {
            HandleFailure = Retries.IsTransient,
        });

    /// <exception cref="TaskFailedException">A step of this process failed for good.</exception>
    /// <exception cref="ClusterStepException">A step on the cluster did.</exception>
    /// <exception cref="LeaseNotProvenException">The machines could not be proven off; the reaper goes on.</exception>
    [Function(nameof(PotholePipeline))]
    public static async Task<PotholeResult> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, PotholeRequest request)
    {
        Day day = new(context, new PotholeRun(RunLedger.RunId(context.InstanceId, context.CurrentUtcDateTime), context.InstanceId, request));
        PotholeWork work = await day.BeginAsync();
        if (!work.HasInput) return await day.EndAsync(NoInput, $"NoInput: {work.InputPrefix} has no data. Nothing was started.");

        try
        {
            if (work.Stages.Count > 0) await day.RunStagesAsync();
            await day.LoadAsync();
        }
        catch (Exception error)
        {
            await day.EndAsync("Failed", (error as TaskFailedException)?.FailureDetails.ErrorMessage ?? error.Message);
            throw;
        }

        return await day.EndAsync(Succeeded, error: null);
    }

    private sealed class Day(TaskOrchestrationContext context, PotholeRun run)
    {
        private readonly List<StepDone> done = [];
        private PotholeWork work = null!;
        private string step = "begin";
        private LeaseReceipt? receipt;
        private LoadedSegments? loaded;

        public async Task<PotholeWork> BeginAsync()
        {
            Tell("checking input");
            return work = await context.CallActivityAsync<PotholeWork>(nameof(BeginPothole), run, Retry);
        }

        public async Task RunStagesAsync()
        {
            step = "cluster";
            receipt = (await LeasedCluster.RunAsync(context, work.Cluster, RunOnClusterAsync, Tell)).Receipt;
        }

        public async Task LoadAsync()
        {
            if (!work.Steps.Any(planned => planned.Step == PotholePlanner.Load && planned.IsToDo)) return;
            Begin(PotholePlanner.Load);
            loaded = await context.CallActivityAsync<LoadedSegments>(nameof(LoadSegments), new LoadOrder(run, work.LoadFingerprint), Retry);
            done.Add(new StepDone(PotholePlanner.Load, loaded.Rows, FormattableString.Invariant($"{loaded.Impacts} impacts, {loaded.Removed} removed")));
        }

        public async Task<PotholeResult> EndAsync(string state, string? error)
        {
            PotholeResult result = new(
                run.Date, state, done, [.. work.Steps.Where(planned => !planned.IsToDo).Select(planned => planned.Step)], receipt, loaded?.Warnings ?? []);
            await context.CallActivityAsync<RunStatistics>(nameof(FinishPothole), new PotholeEnd(run, result, loaded, step, error), Retry);
            Tell(state);
            return result;
        }

        private async Task<bool> RunOnClusterAsync(ClusterGrant grant, CancellationToken cancellation)
        {
            Machine master = grant.Machines[0];
            try
            {
                Begin("start spark");
                await JobAsync(master, SparkJobs.StartSpark(work, grant.Machines.Skip(1)), cancellation);
                Begin("deploy code");
                await JobAsync(master, SparkJobs.DeployCode(work), cancellation);
                if (work.Spark.Packages.Count > 0)
                {
                    Begin("install packages");
                    await Task.WhenAll(grant.Machines.Select(machine => JobAsync(machine, SparkJobs.InstallPackages(work, machine.Id), cancellation)));
                }

                foreach (StageWork stage in work.Stages)
                {
                    Begin(stage.Name);
                    RemoteJobResult driver = await JobAsync(master, SparkJobs.Submit(work, stage, master), cancellation);
                    done.Add(await context.CallActivityAsync<StepDone>(nameof(PublishStage), new StageOutput(run, stage, driver.JobId), Retry));
                }

                return true;
            }
            finally
            {
                await StopSparkAsync(master);
            }
        }

        /// <summary>Two attempts; the second begins when the first is proven dead, and writes elsewhere.</summary>
        private async Task<RemoteJobResult> JobAsync(Machine machine, RemoteCommand command, CancellationToken cancellation)
        {
            RemoteJobResult result = await RemoteJobs.RunAsync(
                context, new RemoteJobRequest(Target(machine), command, work.Cluster.LeaseId, Attempts: 2), failed => !Final.Contains(failed.ExitCode), cancellation);
            return result.Succeeded ? result : throw new ClusterStepException(step, result);
        }

        /// <summary>Never throws: the machines are stopped next in any case, and an error here would hide the one that led here.</summary>
        private async Task StopSparkAsync(Machine master)
        {
            Tell("stopping spark");
            try
            {
                RemoteJobResult stopped = await RemoteJobs.RunAsync(context, new RemoteJobRequest(Target(master), SparkJobs.StopSpark(work), work.Cluster.LeaseId, Ending: true));
                if (!stopped.Succeeded) Log.SparkNotStopped(Logger, context.InstanceId, stopped.OutputTail);
            }
            catch (Exception error) when (error is TaskFailedException or RemoteJobNotDeadException)
            {
                Log.SparkNotStopped(Logger, context.InstanceId, error.Message);
            }
        }

        private ILogger Logger => context.CreateReplaySafeLogger("Durable.Orchestrations.PotholePipeline");

        private void Begin(string name) => Tell(step = name);

        private void Tell(string phase) => context.SetCustomStatus(new
        {
            phase, run.Date, done = done.Count, failed = 0, total = work?.Steps.Count(planned => planned.IsToDo) ?? 0, steps = done.Select(finished => finished.Step),
        });

        private static RemoteTarget Target(Machine machine) => new(machine.Id, machine.Address);
    }
}
