using Durable.Operations.Leases;
using Durable.Operations.Training;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>A training job to start.</summary>
/// <param name="LeaseId">Nothing starts unless this lease is held.</param>
public sealed record TrainingStart(TrainingOrder Order, string LeaseId);

/// <summary>Starts a training job, or finds it. Safe to run twice.</summary>
/// <exception cref="LeaseLostException">The lease is no longer held; permanent.</exception>
public sealed class StartTrainingJob(TrainingJobs jobs, LeaseKeeper leases)
{
    [Function(nameof(StartTrainingJob))]
    public async Task<TrainingState> RunAsync([ActivityTrigger] TrainingStart start, CancellationToken cancellationToken)
    {
        await leases.EnsureHeldAsync(start.LeaseId, cancellationToken);
        await jobs.StartAsync(start.Order, cancellationToken);
        return await jobs.ReadAsync(start.Order.JobName, cancellationToken);
    }
}
