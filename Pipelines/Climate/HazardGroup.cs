namespace Durable.Pipelines.Climate;

/// <summary>A few years of one scenario: the work of one H activity, written in one transaction.</summary>
/// <param name="CreatedAt">Start of the run: what its rows say of themselves, however often the run was interrupted.</param>
/// <param name="Scenario"><c>SSP126</c> …</param>
/// <param name="RiskMask">Bit i: compute risk i.</param>
/// <param name="Box">Only cells inside; null: all.</param>
/// <param name="BatchSize">Rows of one COPY chunk.</param>
/// <param name="MaxFallbackShare">0 to 1. A partition with a larger share of values that rest on defaults fails.</param>
public sealed record HazardGroup(
    string RunId, DateTime CreatedAt, string Scenario, IReadOnlyList<int> Years, int RiskMask, BoundingBox? Box, int BatchSize, double MaxFallbackShare)
{
    /// <summary>Ledger key of a year of the group, e.g. <c>SSP245/2050</c>.</summary>
    public string Key(int year) => $"{Scenario}/{year}";
}

/// <summary>Too many values of a partition would be stated defaults instead of data.</summary>
public sealed class FallbackShareException(string partition, double share, double limit)
    : Exception(FormattableString.Invariant(
        $"{share:P2} of the values of {partition} would be defaults, more than the allowed {limit:P2}. Load the missing inputs or raise maxFallbackShare."));
