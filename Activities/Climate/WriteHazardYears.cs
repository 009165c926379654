using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Scores a few years of a scenario and puts them in place.</summary>
/// <returns>One outcome per year. H is from 0 to 100; Values = cells × risks.</returns>
/// <remarks>Safe to run twice: it replaces the whole year, with the same scores.</remarks>
public sealed class WriteHazardYears(HazardTable table)
{
    [Function(nameof(WriteHazardYears))]
    public Task<IReadOnlyList<PartitionOutcome>> RunAsync([ActivityTrigger] HazardGroup group, CancellationToken cancellationToken) =>
        table.WriteAsync(group, cancellationToken);
}
