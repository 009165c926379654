using Durable.Pipelines.Climate.Packing;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Districts that have daily values.</summary>
public sealed class ListDistricts(DistrictIndices indices)
{
    [Function(nameof(ListDistricts))]
    public Task<IReadOnlyList<string>> RunAsync([ActivityTrigger] string? unused, CancellationToken cancellationToken) =>
        indices.ReadDistrictsAsync(cancellationToken);
}
