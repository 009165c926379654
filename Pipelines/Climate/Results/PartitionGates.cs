using Durable.Operations.Ledger;

namespace Durable.Pipelines.Climate.Results;

/// <summary>Numbers of one computed partition, for its gates.</summary>
/// <param name="Values">Known values.</param>
/// <param name="Wanted">Rows × risks.</param>
/// <param name="Smallest">Of the values; so are largest and sum.</param>
internal sealed record PartitionMeasures(
    string Key,
    long Rows,
    long Values,
    long Wanted,
    long Fallbacks,
    double Smallest,
    double Largest,
    double Sum
)
{
    public double Mean => Values == 0 ? double.NaN : Sum / Values;
}

/// <summary>The gates a partition must pass before it replaces the old rows; <c>operations.gates</c> records them, passed or not.</summary>
internal static class PartitionGates
{
    public const string Mean = "mean_value";

    /// <param name="expectedRows">Cells of the imported grid, times target years for P(H); the packed columns must cover exactly
    /// those.</param>
    /// <param name="highest">Upper end of the values; the lower one is 0.</param>
    /// <param name="lastMean">Mean of the same partition in an earlier run; null: none, or not comparable.</param>
    public static IReadOnlyList<DataGate> Of(
        PartitionMeasures partition,
        long expectedRows,
        double highest,
        double maxFallbackShare,
        double? lastMean,
        double maxChange
    ) =>
        [
            new("row_count", partition.Key, partition.Rows, expectedRows, expectedRows),
            DataGate.Share("fallback_share", partition.Key, partition.Fallbacks, partition.Wanted, maxFallbackShare),
            .. partition.Values == 0
                ? Array.Empty<DataGate>()
                :
                [
                    new("smallest_value", partition.Key, partition.Smallest, AtLeast: 0),
                    new("largest_value", partition.Key, partition.Largest, AtMost: highest),
                    new(Mean, partition.Key, partition.Mean, 0, highest),
                    DataGate.Change("change_against_last_run", partition.Key, partition.Mean, lastMean, maxChange),
                ],
        ];
}
