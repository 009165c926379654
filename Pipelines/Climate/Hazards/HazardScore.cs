namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Hazard score H of one risk. Source of all formulas and defaults here: the published scores, recorded in
/// <c>tests/Data/climate-hazard-vectors.json</c>.</summary>
/// <param name="Value">0 to 1, rounded to 4 decimals; results store 100 times this.</param>
/// <param name="UsedFallback">True when at least one input was missing and its stated default was used.</param>
public readonly record struct HazardScore(double Value, bool UsedFallback)
{
    internal static HazardScore Of(double value, bool usedFallback) => new(Math.Round(value, 4), usedFallback);
}

/// <summary>Inputs are <see cref="double.NaN"/> when missing. A true zero is a value.</summary>
internal static class Missing
{
    /// <summary>The value, or its default, which sets <paramref name="usedFallback"/>.</summary>
    public static double Or(double value, double fallback, ref bool usedFallback)
    {
        if (!double.IsNaN(value))
            return value;
        usedFallback = true;
        return fallback;
    }
}
