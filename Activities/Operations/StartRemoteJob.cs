using Durable.Operations.Leases;
using Durable.Operations.Remote;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>A job to start on a machine of a lease.</summary>
/// <param name="LeaseId">The job starts only while this lease is held.</param>
/// <param name="Ending">The job ends the run (it stops what others started), so the lease may be past its deadline, but not closed.</param>
public sealed record RemoteJobStart(RemoteTarget Target, RemoteCommand Command, string LeaseId, bool Ending = false);

/// <summary>A job on a machine.</summary>
public sealed record RemoteJobRef(RemoteTarget Target, string JobId);

/// <summary>Starts a detached job. Safe to run twice: the same id finds the first.</summary>
/// <exception cref="LeaseLostException">The lease is not held, or the machine is not one of its; permanent. A manual call without a lease
/// runs nothing.</exception>
public sealed class StartRemoteJob(IRemoteHost host, LeaseKeeper leases)
{
    [Function(nameof(StartRemoteJob))]
    public async Task<RemoteJobState> RunAsync([ActivityTrigger] RemoteJobStart job, CancellationToken cancellationToken)
    {
        await leases.EnsureMachineAsync(job.LeaseId ?? "", job.Target.InstanceId, job.Ending, cancellationToken);
        return await host.StartAsync(job.Target, job.Command, cancellationToken);
    }
}
