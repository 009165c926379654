using System.Diagnostics.CodeAnalysis;

namespace Durable.Pipelines.Climate.Model;

/// <summary>The nine physical risks in their canonical order. The number is stored (column order, flag bit) and never changes.</summary>
public enum Risk : short
{
    ExtremeHeat,
    ExtremeCold,
    Wildfire,
    Drought,
    WaterStress,
    SeaLevelRise,
    RiverFlood,
    UrbanFlood,
    Typhoon,
}

/// <summary>Names of the risks: <c>extreme_heat</c> … in requests, columns and results.</summary>
public static class Risks
{
    public const int Count = 9;

    public static IReadOnlyList<Risk> All { get; } = Enum.GetValues<Risk>();

    public static IReadOnlyList<string> Names { get; } =
    ["extreme_heat", "extreme_cold", "wildfire", "drought", "water_stress", "sea_level_rise", "river_flood", "urban_flood", "typhoon"];

    public static string Name(this Risk risk) => Names[(int)risk];

    /// <summary>The bit of this risk in a fallback or selection mask.</summary>
    public static int Bit(this Risk risk) => 1 << (int)risk;

    /// <summary>Mask of the given risks; none means all nine.</summary>
    public static int Mask(IEnumerable<Risk> risks)
    {
        int mask = risks.Aggregate(0, (sum, risk) => sum | risk.Bit());
        return mask == 0 ? (1 << Count) - 1 : mask;
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out Risk risk)
    {
        int index = text is null ? -1 : Names.ToList().IndexOf(text.Trim().ToLowerInvariant());
        risk = (Risk)Math.Max(index, 0);
        return index >= 0;
    }
}
