using Durable.Operations.Remote;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Ends a job and everything it started, and prevents any later start of its id. Safe to run twice.</summary>
/// <returns>Its state afterwards; Running only if something survived.</returns>
public sealed class KillRemoteJob(IRemoteHost host)
{
    [Function(nameof(KillRemoteJob))]
    public Task<RemoteJobState> RunAsync([ActivityTrigger] RemoteJobRef job, CancellationToken cancellationToken) =>
        host.KillAsync(job.Target, job.JobId, cancellationToken);
}
