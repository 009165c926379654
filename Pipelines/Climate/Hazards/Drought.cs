namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Drought from SPEI-12 (June of the year, no unit), or an estimate from annual rain (mm) and the longest dry spell
/// (days).</summary>
public static class Drought
{
    /// <summary>H = 0 when s ≥ 0, else −s/2 capped at 1, with s = SPEI-12 clamped to ±3.</summary>
    /// <remarks>
    /// Without SPEI: s = 0.6·(rain − 1200)/250 − 0.4·(cdd − 10)/15 clamped to ±3, defaults rain 1200 mm and cdd 15 days; that estimate is a
    /// fallback. No input at all: 0.2.
    /// </remarks>
    public static HazardScore Score(double spei12, double annualRain, double dryDays)
    {
        if (!double.IsNaN(spei12))
            return HazardScore.Of(FromIndex(spei12), false);
        if (double.IsNaN(annualRain) && double.IsNaN(dryDays))
            return new(0.2, true);

        bool fallback = true;
        double rain = Missing.Or(annualRain, 1200, ref fallback);
        double cdd = Missing.Or(dryDays, 15, ref fallback);
        return HazardScore.Of(FromIndex(0.6 * (rain - 1200) / 250 - 0.4 * (cdd - 10) / 15), fallback);
    }

    private static double FromIndex(double index)
    {
        double s = Math.Clamp(index, -3, 3);
        return s >= 0 ? 0 : Math.Min(1, -s / 2);
    }
}
