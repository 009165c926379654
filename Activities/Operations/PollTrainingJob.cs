using Durable.Operations.Training;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Reads a training job's state.</summary>
public sealed class PollTrainingJob(TrainingJobs jobs)
{
    [Function(nameof(PollTrainingJob))]
    public Task<TrainingState> RunAsync([ActivityTrigger] string jobName, CancellationToken cancellationToken) =>
        jobs.ReadAsync(jobName, cancellationToken);
}
