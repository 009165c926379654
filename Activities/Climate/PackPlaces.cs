using Durable.Pipelines.Climate.Packing;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Packs grid, facts, basins, coast and storms. Safe to run twice.</summary>
/// <returns>Cells in the grid.</returns>
public sealed class PackPlaces(PlacePacker packer)
{
    [Function(nameof(PackPlaces))]
    public Task<int> RunAsync([ActivityTrigger] string? unused, CancellationToken cancellationToken) => packer.PackAsync(cancellationToken);
}
