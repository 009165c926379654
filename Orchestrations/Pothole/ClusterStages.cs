using Durable.Activities.Pothole;
using Durable.Operations.Leases;
using Durable.Operations.Remote;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Pothole;
using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;

namespace Durable.Orchestrations.Pothole;

/// <summary>A step on the cluster failed.</summary>
public sealed class ClusterStepException(string step, RemoteJobResult result)
    : Exception(
        $"Step {step} {EndOf(result)} (attempt {result.Attempt}, job {result.JobId}). The end of its output: {Tail(result.OutputTail)}"
    )
{
    private static string EndOf(RemoteJobResult result) =>
        result.Outcome switch
        {
            RemoteJobOutcome.Exited => $"ended with exit code {result.ExitCode}",
            RemoteJobOutcome.Lost => "was lost with its machine",
            _ => "ran out of time and was killed",
        };

    private static string Tail(string output) => output.Length <= 600 ? output.Trim() : "…" + output[^600..].Trim();
}

/// <summary>The stages of a day on the leased cluster: start Spark, deploy the code, submit and publish each stage, stop Spark.</summary>
internal sealed class ClusterStages(TaskOrchestrationContext context, PotholeRun run, PotholeWork work, PotholeProgress progress)
{
    /// <summary>Exit codes of a stage that no retry can fix: bad arguments, no input.</summary>
    private static readonly int?[] Final = [2, 3];

    /// <summary>Runs the pending stages.</summary>
    /// <returns>The proof that the machines are off.</returns>
    public async Task<LeaseReceipt> RunAsync()
    {
        progress.Begin("cluster");
        return (await LeasedCluster.RunAsync(context, work.Cluster, RunOnClusterAsync, progress.Report)).Receipt;
    }

    private async Task<IReadOnlyList<StepDone>> RunOnClusterAsync(ClusterGrant grant, CancellationToken cancellation)
    {
        Machine master = grant.Machines[0];
        try
        {
            await StepAsync("start spark", master, SparkJobs.StartSpark(work, grant.Machines.Skip(1)));
            await StepAsync("deploy code", master, SparkJobs.DeployCode(work));
            if (work.Spark.Packages.Count > 0)
                await InstallPackagesAsync();
            foreach (StageWork stage in work.Stages)
            {
                RemoteJobResult driver = await StepAsync(stage.Name, master, SparkJobs.Submit(work, stage, master));
                progress.Add(
                    await context.CallActivityAsync<StepDone>(
                        nameof(PublishStage),
                        new StageOutput(run, stage, driver.JobId),
                        Retries.Standard
                    )
                );
            }

            return progress.Done;
        }
        finally
        {
            await StopSparkAsync(master);
        }

        Task<RemoteJobResult> StepAsync(string step, Machine machine, RemoteCommand command)
        {
            progress.Begin(step);
            return JobAsync(step, machine, command, cancellation);
        }

        Task InstallPackagesAsync()
        {
            const string Step = "install packages";
            progress.Begin(Step);
            return Task.WhenAll(
                grant.Machines.Select(machine => JobAsync(Step, machine, SparkJobs.InstallPackages(work, machine.Id), cancellation))
            );
        }
    }

    /// <summary>Two attempts; the second starts when the first is proven dead, and writes elsewhere.</summary>
    private async Task<RemoteJobResult> JobAsync(string step, Machine machine, RemoteCommand command, CancellationToken cancellation)
    {
        RemoteJobRequest job = new(Target(machine), command, work.Cluster.LeaseId, Attempts: 2);
        RemoteJobResult result = await RemoteJobs.RunAsync(context, job, failed => !Final.Contains(failed.ExitCode), cancellation);
        return result.Succeeded ? result : throw new ClusterStepException(step, result);
    }

    /// <summary>Never throws: the machines are stopped next anyway, and an error here would hide the first one.</summary>
    private async Task StopSparkAsync(Machine master)
    {
        ILogger logger = context.CreateReplaySafeLogger("Durable.Orchestrations.PotholePipeline");
        progress.Report("stopping spark");
        try
        {
            RemoteJobRequest job = new(Target(master), SparkJobs.StopSpark(work), work.Cluster.LeaseId, Ending: true);
            RemoteJobResult stopped = await RemoteJobs.RunAsync(context, job);
            if (!stopped.Succeeded)
                Log.SparkNotStopped(logger, context.InstanceId, stopped.OutputTail);
        }
        catch (Exception error) when (error is TaskFailedException or RemoteJobNotDeadException)
        {
            Log.SparkNotStopped(logger, context.InstanceId, error.Message);
        }
    }

    private static RemoteTarget Target(Machine machine) => new(machine.Id, machine.Address);
}
