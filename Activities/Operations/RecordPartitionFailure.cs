using Durable.Operations.Ledger;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Partitions that failed outside their own transaction: retries used up, host lost.</summary>
public sealed record PartitionFailures(string Kind, string RunId, IReadOnlyList<PartitionOutcome> Failed);

/// <summary>Writes failures into the ledger, so that the next start finds them. Safe to run twice.</summary>
public sealed class RecordPartitionFailure(Partitions partitions)
{
    [Function(nameof(RecordPartitionFailure))]
    public Task RunAsync([ActivityTrigger] PartitionFailures failures, CancellationToken cancellationToken) =>
        partitions.RecordFailedAsync(failures.Kind, failures.RunId, failures.Failed, cancellationToken);
}
