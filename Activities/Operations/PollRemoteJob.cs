using Durable.Operations.Remote;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Asks a machine what became of a job. Changes nothing.</summary>
public sealed class PollRemoteJob(IRemoteHost host)
{
    [Function(nameof(PollRemoteJob))]
    public Task<RemoteJobState> RunAsync([ActivityTrigger] RemoteJobRef job, CancellationToken cancellationToken) =>
        host.PollAsync(job.Target, job.JobId, cancellationToken);
}
