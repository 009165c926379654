using Durable.Activities.Operations;
using Durable.Operations.Remote;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Shared;

/// <summary>A job to run on a machine.</summary>
/// <param name="Command">Each attempt appends <c>-1</c>, <c>-2</c>, … to its job id. Derive the id from the run, so that it is
/// unique.</param>
/// <param name="LeaseId">Nothing starts unless this lease is held and includes the machine.</param>
/// <param name="Attempts">1 (default) to 5. An attempt starts only when the previous one is proven dead.</param>
/// <param name="Ending">The job ends the run: it may start past the lease's deadline.</param>
public sealed record RemoteJobRequest(RemoteTarget Target, RemoteCommand Command, string LeaseId, int Attempts = 1, bool Ending = false);

/// <summary>How a job ended.</summary>
public enum RemoteJobOutcome
{
    /// <summary>It exited with an exit code; 124 is the machine's own timeout.</summary>
    Exited,

    /// <summary>It disappeared without an exit code.</summary>
    Lost,

    /// <summary>It ran too long and was killed.</summary>
    TimedOut,
}

/// <summary>Outcome of a job.</summary>
/// <param name="JobId">Id of the last attempt.</param>
/// <param name="ExitCode">Null unless it exited.</param>
/// <param name="OutputTail">The end of its output, secrets removed.</param>
public sealed record RemoteJobResult(string JobId, RemoteJobOutcome Outcome, int? ExitCode, string OutputTail, int Attempt)
{
    public bool Succeeded => Outcome == RemoteJobOutcome.Exited && ExitCode == 0;
}

/// <summary>A job that should be dead may still run: nothing may start in its place.</summary>
public sealed class RemoteJobNotDeadException(string jobId, string reason) : Exception($"Job {jobId} could not be proven dead: {reason}");

/// <summary>Detached jobs on machines: start, poll by durable timers, kill at the deadline, on cancellation and before another
/// attempt.</summary>
public static class RemoteJobs
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1),
        LongestPause = TimeSpan.FromSeconds(30),
        Grace = TimeSpan.FromSeconds(30);

    /// <summary>Eight attempts within about three minutes: a machine needs a while after its start until it answers.</summary>
    public static readonly TaskOptions Retry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(8, TimeSpan.FromSeconds(2), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromSeconds(45))
        {
            HandleFailure = Retries.IsTransient,
        }
    );

    /// <summary>Runs a job to its end.</summary>
    /// <param name="tryAgain">Whether to retry after an unsuccessful result; null: always, while attempts are left.</param>
    /// <param name="cancellation">Ends the wait and kills the job; from <see cref="LeasedCluster"/>.</param>
    /// <returns>The last attempt, succeeded or not.</returns>
    /// <exception cref="RemoteJobNotDeadException">An attempt cannot be killed, so there is no further one.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the job was killed.</exception>
    /// <exception cref="TaskFailedException">The machine cannot be reached, or the lease is lost.</exception>
    public static async Task<RemoteJobResult> RunAsync(
        TaskOrchestrationContext context,
        RemoteJobRequest request,
        Func<RemoteJobResult, bool>? tryAgain = null,
        CancellationToken cancellation = default
    )
    {
        for (int attempt = 1; ; attempt++)
        {
            RemoteCommand command = request.Command with { JobId = $"{request.Command.JobId}-{attempt}" };
            RemoteJobResult result = await RunOnceAsync(context, request with { Command = command }, attempt, cancellation);
            if (result.Succeeded || attempt >= request.Attempts || tryAgain?.Invoke(result) == false)
                return result;
            await KillAsync(context, request.Target, command.JobId); // also kills what an exited job left behind
            await context.CreateTimer(TimeSpan.FromSeconds(5), cancellation);
        }
    }

    private static async Task<RemoteJobResult> RunOnceAsync(
        TaskOrchestrationContext context,
        RemoteJobRequest request,
        int attempt,
        CancellationToken cancellation
    )
    {
        RemoteJobRef job = new(request.Target, request.Command.JobId);
        try
        {
            RemoteJobState state = await context.CallActivityAsync<RemoteJobState>(
                nameof(StartRemoteJob),
                new RemoteJobStart(request.Target, request.Command, request.LeaseId, request.Ending),
                Retry
            );
            DateTime deadline = context.CurrentUtcDateTime + request.Command.Timeout + Grace;
            for (
                TimeSpan pause = FirstPause;
                state.Phase == RemoteJobPhase.Running;
                pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause
            )
            {
                if (context.CurrentUtcDateTime >= deadline)
                {
                    state = await KillAsync(context, request.Target, job.JobId);
                    return new RemoteJobResult(job.JobId, RemoteJobOutcome.TimedOut, null, state.OutputTail, attempt);
                }

                await context.CreateTimer(pause, cancellation);
                state = await context.CallActivityAsync<RemoteJobState>(nameof(PollRemoteJob), job, Retry);
            }

            if (state.Phase == RemoteJobPhase.Exited)
                return new RemoteJobResult(job.JobId, RemoteJobOutcome.Exited, state.ExitCode, state.OutputTail, attempt);
            await KillAsync(context, request.Target, job.JobId); // its runner is gone, but its children may not be
            return new RemoteJobResult(job.JobId, RemoteJobOutcome.Lost, null, state.OutputTail, attempt);
        }
        catch (Exception error) when (error is OperationCanceledException or TaskFailedException)
        {
            // A start whose answer was lost may have happened. When the machine is off, there is nothing to kill.
            try
            {
                await KillAsync(context, request.Target, job.JobId);
            }
            catch (Exception unproven) when (unproven is TaskFailedException or RemoteJobNotDeadException)
            {
                Log.KillFailed(
                    context.CreateReplaySafeLogger("Durable.Orchestrations.RemoteJobs"),
                    context.InstanceId,
                    job.JobId,
                    unproven.Message
                );
            }

            throw;
        }
    }

    private static async Task<RemoteJobState> KillAsync(TaskOrchestrationContext context, RemoteTarget target, string jobId)
    {
        RemoteJobState state = await context.CallActivityAsync<RemoteJobState>(
            nameof(KillRemoteJob),
            new RemoteJobRef(target, jobId),
            Retry
        );
        return state.Phase == RemoteJobPhase.Running ? throw new RemoteJobNotDeadException(jobId, "it survived SIGKILL.") : state;
    }
}
