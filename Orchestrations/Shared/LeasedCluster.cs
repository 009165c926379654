using Durable.Activities.Operations;
using Durable.Operations.Leases;
using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;

namespace Durable.Orchestrations.Shared;

/// <summary>A result with the proof that its machines are off.</summary>
public sealed record Leased<T>(T Result, LeaseReceipt Receipt);

/// <summary>The run got the event <c>Cancel</c>, cleaned up and ended.</summary>
public sealed class RunCancelledException(string reason) : Exception($"Cancelled: {reason}");

/// <summary>The work did not finish by the lease's deadline.</summary>
public sealed class LeaseExpiredException(string leaseId, DateTime deadlineUtc)
    : Exception(
        FormattableString.Invariant(
            $"Lease {leaseId} ended at {deadlineUtc:u} before the work did. Give the cluster longer, or the work less."
        )
    );

/// <summary>The machines of a run did not start.</summary>
public sealed class ClusterNotRunningException(string message) : Exception(message);

/// <summary>It could not be proven that the machines are off. The reaper keeps stopping them until it can.</summary>
public sealed class LeaseNotProvenException(LeaseReceipt receipt)
    : Exception(
        $"There is no proof that the machines of lease {receipt.LeaseId} are off ({receipt.Error ?? receipt.ToString()}). The reaper takes over; see GET /api/operations/leases."
    );

/// <summary>Work on paid machines: lease first, start, work, stop what was started, prove it.</summary>
/// <remarks>
/// Terminate skips <c>finally</c>, and a host that never returns never reaches it: the reaper stops whatever outlives its lease or its
/// owner. Ends early, with the same cleanup, on the external event <see cref="CancelEvent"/> and at the deadline. Resume a failed run by
/// starting it again, not by rewinding it: the official engine cannot rewind over activities in <c>finally</c>, and a closed lease never
/// starts a machine again.
/// </remarks>
public static class LeasedCluster
{
    /// <summary>External event that ends a run cooperatively; its payload is the reason.</summary>
    public const string CancelEvent = "Cancel";

    /// <summary>Time for cancelled work to unwind (kill its job) before the machines are stopped anyway.</summary>
    private static readonly TimeSpan UnwindWithin = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1),
        LongestPause = TimeSpan.FromSeconds(15),
        ForceAfter = TimeSpan.FromMinutes(3);

    /// <summary>Six attempts, 1 s to 30 s apart. Permanent failures are not retried.</summary>
    public static readonly TaskOptions Retry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(6, TimeSpan.FromSeconds(1), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromSeconds(30))
        {
            HandleFailure = Retries.IsTransient,
        }
    );

    /// <summary>Waits for the cluster, starts it, runs <paramref name="work"/> on it and always stops it again.</summary>
    /// <param name="work">Gets the running machines and a token whose cancellation means: unwind. Give that token to timers and
    /// <see cref="RemoteJobs"/>.</param>
    /// <param name="report">Called with the run's current phase, also on replays; null: the phase becomes the custom status.</param>
    /// <exception cref="LeaseNotProvenException">The work succeeded, but the machines could not be proven off.</exception>
    /// <exception cref="RunCancelledException">Cancelled; the machines are off.</exception>
    public static async Task<Leased<T>> RunAsync<T>(
        TaskOrchestrationContext context,
        ClusterRequest request,
        Func<ClusterGrant, CancellationToken, Task<T>> work,
        Action<string>? report = null
    )
    {
        ILogger logger = context.CreateReplaySafeLogger("Durable.Orchestrations.LeasedCluster");
        using CancellationTokenSource ended = new();
        Task<object?> cancel = context.WaitForExternalEvent<object?>(CancelEvent, ended.Token);
        Run run = new(context, request, cancel, report ?? (phase => context.SetCustomStatus(new { phase })), logger);
        T result;
        LeaseReceipt receipt;
        try
        {
            result = await run.WorkAsync(await run.StartAsync(), work);
        }
        catch (Exception error)
        {
            Log.RunFailed(logger, context.InstanceId, request.LeaseId, error.Message); // before the stop, whose failure would hide it
            throw;
        }
        finally
        {
            receipt = await run.StopAsync();
            ended.Cancel();
        }

        return receipt.Proven ? new Leased<T>(result, receipt) : throw new LeaseNotProvenException(receipt);
    }

    private sealed record Run(
        TaskOrchestrationContext Context,
        ClusterRequest Request,
        Task<object?> Cancel,
        Action<string> Report,
        ILogger Logger
    )
    {
        public async Task<ClusterGrant> StartAsync()
        {
            await WaitForTurnAsync();
            Report("starting machines");
            await Context.CallActivityAsync(nameof(StartMachines), Request.LeaseId, Retry);
            DateTime limit = Context.CurrentUtcDateTime + (Request.StartWithin ?? TimeSpan.FromMinutes(10));
            TimeSpan pause = FirstPause;
            while (true)
            {
                ClusterGrant grant = await Context.CallActivityAsync<ClusterGrant>(nameof(ListMachines), Request.LeaseId, Retry);
                if (grant.Machines.All(machine => machine.IsRunning))
                    return grant;

                string states = string.Join(", ", grant.Machines.Select(machine => $"{machine.Id} {machine.State}"));
                if (grant.Machines.Any(machine => machine.IsGone))
                    throw new ClusterNotRunningException($"A machine of {Request.Cluster} is gone: {states}.");
                if (Context.CurrentUtcDateTime >= limit)
                    throw new ClusterNotRunningException($"{Request.Cluster} did not start in time: {states}.");
                pause = await PauseAsync(pause);
            }
        }

        public async Task<T> WorkAsync<T>(ClusterGrant grant, Func<ClusterGrant, CancellationToken, Task<T>> work)
        {
            Report("working");
            using CancellationTokenSource stop = new();
            Task<T> working = work(grant, stop.Token);
            try
            {
                if (await EarlyEndAsync(grant, working) is not { } early)
                    return await working;
                Report("unwinding");
                stop.Cancel();
                using CancellationTokenSource limitEnd = new();
                await Task.WhenAny(working, Context.CreateTimer(UnwindWithin, limitEnd.Token));
                limitEnd.Cancel();
                throw early;
            }
            finally
            {
                stop.Cancel(); // an open timer would keep the instance from ending
            }
        }

        /// <returns>Why the work must end early: cancelled, or past the deadline. Null: it has ended.</returns>
        private async Task<Exception?> EarlyEndAsync(ClusterGrant grant, Task working)
        {
            while (true)
            {
                using CancellationTokenSource timerEnd = new();
                Task first = await Task.WhenAny(working, Cancel, Context.CreateTimer(grant.DeadlineUtc, timerEnd.Token));
                timerEnd.Cancel();
                if (first == working)
                    return null;
                if (first == Cancel)
                    return await ReasonAsync();
                if (await ExtendedAsync() is not { } longer || longer.DeadlineUtc <= grant.DeadlineUtc)
                    return new LeaseExpiredException(Request.LeaseId, grant.DeadlineUtc);
                grant = longer;
            }
        }

        /// <returns>The current grant; null when it is over.</returns>
        private async Task<ClusterGrant?> ExtendedAsync()
        {
            try
            {
                return await Context.CallActivityAsync<ClusterGrant>(nameof(ListMachines), Request.LeaseId, Retry);
            }
            catch (TaskFailedException)
            {
                return null;
            }
        }

        /// <summary>Never throws: an error here would hide the first one.</summary>
        public async Task<LeaseReceipt> StopAsync()
        {
            Report("stopping machines");
            LeaseReceipt receipt = LeaseReceipt.OfNothing(Request.LeaseId, Request.Cluster) with { Proven = false };
            DateTime begun = Context.CurrentUtcDateTime,
                limit = begun + (Request.StopWithin ?? TimeSpan.FromMinutes(15));
            for (TimeSpan pause = FirstPause; ; pause = Longer(pause))
            {
                try
                {
                    receipt = await Context.CallActivityAsync<LeaseReceipt>(
                        nameof(StopMachines),
                        new LeaseStop(Request.LeaseId, Context.CurrentUtcDateTime - begun >= ForceAfter),
                        Retry
                    );
                }
                catch (TaskFailedException error)
                {
                    receipt = receipt with { Proven = false, Error = error.FailureDetails.ErrorMessage };
                    Log.StopFailed(Logger, Context.InstanceId, Request.LeaseId, error.FailureDetails.ErrorMessage);
                }

                if (receipt.Proven || Context.CurrentUtcDateTime >= limit)
                    return receipt;
                await Context.CreateTimer(pause, CancellationToken.None);
            }
        }

        private async Task WaitForTurnAsync()
        {
            TimeSpan pause = FirstPause;
            while (true)
            {
                if (Cancel.IsCompleted)
                    throw await ReasonAsync();
                LeaseTurn turn = await Context.CallActivityAsync<LeaseTurn>(
                    nameof(TakeLease),
                    new LeaseRequest(Context.InstanceId, Request),
                    Retry
                );
                if (turn.Granted)
                    return;
                Report($"waiting for {Request.Cluster}: {turn.Ahead} ahead, next {turn.Holder}");
                pause = await PauseAsync(pause);
            }
        }

        /// <summary>Waits, unless cancelled meanwhile.</summary>
        /// <returns>The next, longer pause.</returns>
        private async Task<TimeSpan> PauseAsync(TimeSpan pause)
        {
            using CancellationTokenSource timerEnd = new();
            Task first = await Task.WhenAny(Cancel, Context.CreateTimer(pause, timerEnd.Token));
            timerEnd.Cancel();
            return first == Cancel ? throw await ReasonAsync() : Longer(pause);
        }

        private async Task<Exception> ReasonAsync() =>
            new RunCancelledException(await Cancel is { } reason ? $"{reason}" : "no reason given");

        private static TimeSpan Longer(TimeSpan pause) => pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
    }
}
