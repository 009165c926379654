using System.Globalization;

namespace Durable.Pipelines.Climate.Model;

/// <summary>Key of a partition of hazard scores: a scenario and a target year.</summary>
public readonly record struct HazardKey(string Scenario, int Year)
{
    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is not such a key.</exception>
    public static HazardKey Parse(string key) =>
        key.Split('/') is [var scenario, var year] && int.TryParse(year, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? new HazardKey(scenario, number)
            : throw new FormatException($"'{key}' is not a key of hazard scores, such as SSP245/2050.");

    /// <summary>Its key in the ledger, e.g. <c>SSP245/2050</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Scenario}/{Year}");
}

/// <summary>Key of a partition of probabilities: a scenario and a tile of the grid.</summary>
public readonly record struct ProbabilityKey(string Scenario, int Tile)
{
    private const string Mark = "/tile-";

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is not such a key.</exception>
    public static ProbabilityKey Parse(string key) =>
        key.Split(Mark) is [var scenario, var tile] && int.TryParse(tile, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? new ProbabilityKey(scenario, number)
            : throw new FormatException($"'{key}' is not a key of probabilities, such as SSP245/tile-3.");

    /// <summary>Its key in the ledger, e.g. <c>SSP245/tile-3</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Scenario}{Mark}{Tile}");
}
