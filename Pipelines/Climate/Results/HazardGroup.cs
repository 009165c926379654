using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Results;

/// <summary>A few years of one scenario: the work of one H activity, written in one transaction.</summary>
/// <param name="CreatedAt">Start of the run, written to its rows; unchanged by interruptions.</param>
/// <param name="Scenario"><c>SSP126</c> …</param>
/// <param name="RiskMask">Bit i: compute risk i.</param>
/// <param name="Box">Only cells inside; null: all.</param>
/// <param name="BatchSize">Rows of one COPY chunk.</param>
/// <param name="MaxFallbackShare">0 to 1. A partition with a larger share of values that rest on defaults fails.</param>
/// <param name="MaxChange">A partition whose mean changed more since its last run fails; 0.5 = by half.</param>
public sealed record HazardGroup(
    string RunId,
    DateTime CreatedAt,
    string Scenario,
    IReadOnlyList<int> Years,
    int RiskMask,
    BoundingBox? Box,
    int BatchSize,
    double MaxFallbackShare,
    double MaxChange
)
{
    /// <summary>Ledger key of a year of the group.</summary>
    public string Key(int year) => new HazardKey(Scenario, year).ToString();
}
