using Durable.Activities.Operations;
using Durable.Operations.Leases;
using Durable.Operations.Training;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Shared;

/// <summary>How a training job ended.</summary>
/// <param name="State">Null: it was never started.</param>
/// <param name="Ended">Why it was ended early: <c>cancelled: …</c>, <c>time limit</c>. Null: it was not.</param>
/// <param name="Cancelled">It was ended early because somebody asked.</param>
/// <param name="Receipt">The proof that nothing runs any more, and the cost.</param>
public sealed record TrainingResult(TrainingState? State, string? Ended, bool Cancelled, LeaseReceipt Receipt)
{
    public bool Succeeded => State is { Succeeded: true } && Ended is null;
}

/// <summary>A training job under a lease: lease first, start, poll by durable timers, stop what still runs, prove it.</summary>
/// <remarks>The job's name comes from the run: after any kill in between, the same job is found and none starts twice. A job outlives
/// neither <see cref="TrainingOrder.Longest"/> (SageMaker's own limit) nor its lease (the reaper's).</remarks>
public static class LeasedTraining
{
    /// <summary>Added to the job's limit for the lease: starting machines and moving data take time, too.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1),
        LongestPause = TimeSpan.FromSeconds(15);

    /// <summary>Runs the job to its end, successful or not.</summary>
    /// <param name="runId">The run in the ledger that pays for it.</param>
    /// <param name="cancel">Completes when the work should end early; its result is the reason.</param>
    /// <param name="report">Called with the job's current phase, also on replays.</param>
    /// <exception cref="TaskFailedException">No lease was granted (a budget: <see cref="LeaseRefusedException"/>), or AWS cannot be
    /// reached.</exception>
    /// <exception cref="LeaseNotProvenException">The job could not be proven to have ended; the reaper takes over.</exception>
    public static async Task<TrainingResult> RunAsync(
        TaskOrchestrationContext context,
        TrainingOrder order,
        string runId,
        Task<string> cancel,
        Action<string> report
    )
    {
        ClusterRequest request = new(
            SageMakerMachines.SageMaker,
            order.JobName,
            runId,
            [order.MachineId],
            order.Longest + Margin,
            StopsRunning: true
        );
        TrainingState? state = null;
        string? ended = null;
        bool cancelled = false;
        LeaseReceipt receipt;
        try
        {
            report("lease");
            await context.CallActivityAsync<LeaseTurn>(
                nameof(TakeLease),
                new LeaseRequest(context.InstanceId, request),
                LeasedCluster.Retry
            );
            await context.CallActivityAsync(nameof(StartMachines), request.LeaseId, LeasedCluster.Retry);
            state = await context.CallActivityAsync<TrainingState>(
                nameof(StartTrainingJob),
                new TrainingStart(order, request.LeaseId),
                LeasedCluster.Retry
            );
            DateTime deadline = context.CurrentUtcDateTime + request.Longest;
            for (TimeSpan pause = FirstPause; !state.HasEnded && ended is null; pause = Longer(pause))
            {
                report(state.Secondary.Length > 0 ? state.Secondary.ToLowerInvariant() : "starting");
                cancelled = !await WaitAsync(context, pause, cancel);
                if (cancelled)
                    ended = $"cancelled: {await cancel}";
                else if (context.CurrentUtcDateTime >= deadline)
                    ended = "time limit";
                else
                    state = await context.CallActivityAsync<TrainingState>(nameof(PollTrainingJob), order.JobName, LeasedCluster.Retry);
            }
        }
        finally
        {
            // Terminate skips this block and a host that never returns never reaches it; the reaper stops whatever outlives its lease or
            // its run.
            receipt = await StopAsync(context, request, report);
        }

        if (!receipt.Proven)
            throw new LeaseNotProvenException(receipt);
        if (ended is not null)
            state = await context.CallActivityAsync<TrainingState>(nameof(PollTrainingJob), order.JobName, LeasedCluster.Retry);
        return state.Secondary == "MaxRuntimeExceeded"
            ? new TrainingResult(state, "time limit", Cancelled: false, receipt)
            : new TrainingResult(state, ended, cancelled, receipt);
    }

    private static async Task<LeaseReceipt> StopAsync(TaskOrchestrationContext context, ClusterRequest request, Action<string> report)
    {
        LeaseReceipt receipt = LeaseReceipt.OfNothing(request.LeaseId, request.Cluster) with { Proven = false };
        DateTime limit = context.CurrentUtcDateTime + TimeSpan.FromMinutes(15);
        for (TimeSpan pause = FirstPause; ; pause = Longer(pause))
        {
            try
            {
                receipt = await context.CallActivityAsync<LeaseReceipt>(
                    nameof(StopMachines),
                    new LeaseStop(request.LeaseId, Force: false),
                    LeasedCluster.Retry
                );
            }
            catch (TaskFailedException error)
            {
                receipt = receipt with { Proven = false, Error = error.FailureDetails.ErrorMessage };
            }

            if (receipt.Proven || context.CurrentUtcDateTime >= limit)
                return receipt;
            report("stopping");
            await context.CreateTimer(pause, CancellationToken.None);
        }
    }

    /// <returns>False when cancelled meanwhile.</returns>
    private static async Task<bool> WaitAsync(TaskOrchestrationContext context, TimeSpan pause, Task cancel)
    {
        using CancellationTokenSource timerEnd = new();
        Task first = await Task.WhenAny(cancel, context.CreateTimer(pause, timerEnd.Token));
        timerEnd.Cancel();
        return first != cancel;
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
}
