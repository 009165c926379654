using Durable.Pipelines.Climate.Packing;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>Years for which any input table has rows.</summary>
public sealed class ListInputYears(YearPacker packer)
{
    [Function(nameof(ListInputYears))]
    public Task<IReadOnlyList<int>> RunAsync([ActivityTrigger] string? unused, CancellationToken cancellationToken) =>
        packer.ReadYearsAsync(cancellationToken);
}
