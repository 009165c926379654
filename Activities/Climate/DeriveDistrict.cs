using Durable.Pipelines.Climate.Packing;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Derives the annual indices of a district from its daily values. Safe to run twice.</summary>
/// <returns>Values stored.</returns>
public sealed class DeriveDistrict(DistrictIndices indices)
{
    [Function(nameof(DeriveDistrict))]
    public Task<long> RunAsync([ActivityTrigger] string district, CancellationToken cancellationToken) =>
        indices.DeriveAsync(district, cancellationToken);
}
