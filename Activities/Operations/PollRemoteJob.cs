using Durable.Operations.Remote;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Reads a job's state from its machine. Changes nothing.</summary>
public sealed class PollRemoteJob(IRemoteHost host)
{
    [Function(nameof(PollRemoteJob))]
    public Task<RemoteJobState> RunAsync([ActivityTrigger] RemoteJobRef job, CancellationToken cancellationToken) =>
        host.PollAsync(job.Target, job.JobId, cancellationToken);
}
