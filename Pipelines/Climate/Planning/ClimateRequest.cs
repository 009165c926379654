using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;

namespace Durable.Pipelines.Climate.Planning;

/// <summary>Options of a climate batch, checked. Stored in history: renaming a member is a migration.</summary>
/// <param name="Scenarios">Names, in canonical order; default all four.</param>
/// <param name="StartYear">First target year, 2021 to 2100; default 2021.</param>
/// <param name="EndYear">Last target year; default 2100.</param>
/// <param name="BatchSize">Rows of one COPY chunk, 50 to 1,000,000; default 100,000.</param>
/// <param name="Workers">Lanes, 1 to 64; default 4.</param>
/// <param name="Risks">Names; default all nine.</param>
/// <param name="Box">Part of the grid; default all of it.</param>
/// <param name="Window">Sample window of P(H): <c>rolling-30</c> (default) or <c>full-series</c>.</param>
/// <param name="Force">Also fill partitions already in place.</param>
/// <param name="MaxFallbackShare">Gate: largest share of values that may rest on defaults, 0 to 1; default 0.05.</param>
/// <param name="MaxChange">Gate: largest change of a partition's mean against its last run, 0 to 100; default 0.5 (half more or
/// less).</param>
/// <param name="PlanHash">Apply exactly this plan.</param>
/// <param name="AfterProbability">H only: wait until P(H) of the same scenarios and years has passed its gate. Default false; the yearly
/// timer sets it.</param>
/// <param name="Backup">Dump the result tables first; default false.</param>
public sealed record ClimateRequest(
    IReadOnlyList<string> Scenarios,
    int StartYear,
    int EndYear,
    int BatchSize,
    int Workers,
    IReadOnlyList<string> Risks,
    BoundingBox? Box,
    string Window,
    bool Force,
    double MaxFallbackShare,
    double MaxChange,
    string? PlanHash,
    bool AfterProbability,
    bool Backup
)
{
    /// <summary>Everything, with the defaults: what the yearly timers start.</summary>
    public static ClimateRequest Everything { get; } =
        new(
            Model.Scenarios.Names,
            Model.Scenarios.FirstYear,
            Model.Scenarios.LastYear,
            100_000,
            4,
            Model.Risks.Names,
            null,
            SampleWindow.Rolling30,
            false,
            0.05,
            0.5,
            null,
            false,
            false
        );

    /// <summary>What the run does, not how: two requests with the same fingerprint are the same run.</summary>
    public string Fingerprint =>
        Fingerprints.Of([
            string.Join(',', Scenarios),
            $"{StartYear}-{EndYear}",
            string.Join(',', Risks),
            Box?.ToString() ?? "",
            Window,
            AfterProbability.ToString(),
        ])[..12];

    public int RiskMask => Risks.Aggregate(0, (mask, name) => Model.Risks.TryParse(name, out Risk risk) ? mask | risk.Bit() : mask);

    public IEnumerable<int> Years => Enumerable.Range(StartYear, EndYear - StartYear + 1);
}
