using System.Diagnostics.CodeAnalysis;

namespace Durable.Pipelines.Climate.Model;

/// <summary>A shared socioeconomic pathway. The number is stored (<c>scenario_id</c>) and never changes.</summary>
public enum Scenario : short
{
    Ssp126 = 1,
    Ssp245 = 2,
    Ssp370 = 3,
    Ssp585 = 4,
}

/// <summary>Names of the scenarios: <c>SSP126</c> … in requests, keys and results, <c>ssp1</c> … as columns of the input tables.</summary>
public static class Scenarios
{
    /// <summary>First and last year of the projections.</summary>
    public const int FirstYear = 2021,
        LastYear = 2100;

    /// <summary>All four, in the order in which they are stored and reported.</summary>
    public static IReadOnlyList<Scenario> All { get; } = [Scenario.Ssp126, Scenario.Ssp245, Scenario.Ssp370, Scenario.Ssp585];

    /// <summary>The names a request may use.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(Name)];

    /// <summary>The columns <c>ssp1, ssp2, ssp3, ssp5</c> of the input tables, in the order of <see cref="All"/>.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["ssp1", "ssp2", "ssp3", "ssp5"];

    public static string Name(this Scenario scenario) =>
        scenario switch
        {
            Scenario.Ssp126 => "SSP126",
            Scenario.Ssp245 => "SSP245",
            Scenario.Ssp370 => "SSP370",
            Scenario.Ssp585 => "SSP585",
            _ => throw new ArgumentOutOfRangeException(nameof(scenario), scenario, "Not one of the four scenarios."),
        };

    /// <summary>Position in <see cref="All"/>, 0 to 3.</summary>
    public static int Index(this Scenario scenario) => (int)scenario - 1;

    /// <summary>Reads <c>SSP126</c> in any case. Numbers and unknown names are refused, never mapped to a default.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Scenario scenario)
    {
        foreach (Scenario candidate in All)
        {
            if (string.Equals(candidate.Name(), text?.Trim(), StringComparison.OrdinalIgnoreCase))
            {
                scenario = candidate;
                return true;
            }
        }

        scenario = default;
        return false;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">Not one of <see cref="Names"/>.</exception>
    public static Scenario Parse(string text) =>
        TryParse(text, out Scenario scenario)
            ? scenario
            : throw new FormatException($"Unknown scenario '{text}'; allowed: {string.Join(", ", Names)}.");
}
