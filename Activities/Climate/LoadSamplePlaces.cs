using Durable.Pipelines.Climate.Sample;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Loads grid, facts, basins, coast and storms of a sample. Does nothing if they exist.</summary>
/// <returns>Cells in the grid.</returns>
public sealed class LoadSamplePlaces(SampleLoader loader)
{
    [Function(nameof(LoadSamplePlaces))]
    public Task<int> RunAsync([ActivityTrigger] SampleRequest request, CancellationToken cancellationToken) =>
        loader.LoadPlacesAsync(request.Cells, request.Seed, cancellationToken);
}
