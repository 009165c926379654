using Durable.Pipelines.Climate.Packing;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Packs one year of the input tables for all scenarios. Safe to run twice.</summary>
/// <returns>Known values packed.</returns>
public sealed class PackYear(YearPacker packer)
{
    [Function(nameof(PackYear))]
    public Task<long> RunAsync([ActivityTrigger] int year, CancellationToken cancellationToken) =>
        packer.PackAsync(year, cancellationToken);
}
