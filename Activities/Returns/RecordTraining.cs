using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>Keeps what a finished job left, so that nobody pays for it again. Safe to run twice.</summary>
public sealed class RecordTraining(ReturnsJournal journal)
{
    [Function(nameof(RecordTraining))]
    public Task RunAsync([ActivityTrigger] TrainedArtifact trained, CancellationToken cancellationToken) =>
        journal.TrainedAsync(trained, cancellationToken);
}
