using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Computes P(H) and annual losses of a tile for every target year and puts the tile in place.</summary>
/// <remarks>Safe to run twice: it replaces the whole tile, with the same values.</remarks>
public sealed class WriteProbabilityTile(ProbabilityTable table)
{
    [Function(nameof(WriteProbabilityTile))]
    public Task<PartitionOutcome> RunAsync([ActivityTrigger] ProbabilityTask task, CancellationToken cancellationToken) =>
        table.WriteAsync(task, cancellationToken);
}
