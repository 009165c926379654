using Durable.Operations.Leases;
using Durable.Operations.Remote;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>A job to start. <paramref name="LeaseId"/>: only while that lease is held.</summary>
public sealed record RemoteJobStart(RemoteTarget Target, RemoteCommand Command, string? LeaseId);

/// <summary>A job on a machine.</summary>
public sealed record RemoteJobRef(RemoteTarget Target, string JobId);

/// <summary>Starts a detached job. Safe to run twice: the same id finds the first.</summary>
/// <exception cref="LeaseLostException">The lease is not held any more; permanent.</exception>
public sealed class StartRemoteJob(IRemoteHost host, LeaseKeeper leases)
{
    [Function(nameof(StartRemoteJob))]
    public async Task<RemoteJobState> RunAsync([ActivityTrigger] RemoteJobStart job, CancellationToken cancellationToken)
    {
        if (job.LeaseId is { } lease) await leases.EnsureHeldAsync(lease, cancellationToken);
        return await host.StartAsync(job.Target, job.Command, cancellationToken);
    }
}
