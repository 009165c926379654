using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>Records a finished job's result, so that it is not paid for again. Safe to run twice.</summary>
public sealed class RecordTraining(ReturnsJournal journal)
{
    [Function(nameof(RecordTraining))]
    public Task RunAsync([ActivityTrigger] TrainedArtifact trained, CancellationToken cancellationToken) =>
        journal.TrainedAsync(trained, cancellationToken);
}
