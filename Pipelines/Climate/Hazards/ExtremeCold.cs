namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Cold: frost days, cold spells, ice days (days per year) and the coldest night (°C). NaN when missing.</summary>
public static class ExtremeCold
{
    /// <summary>H = 0.3·cold/30 + 0.3·csdi/20 + 0.2·ice/50 + 0.2·|tn|/20, each term capped at its weight.</summary>
    /// <remarks>
    /// Defaults: cold 10, csdi 8, ice 5 days, tn −15 °C. No input at all: 0.35. |tn| makes a warm winter count too (tn = +10 °C adds 0.1);
    /// kept, because published scores depend on it.
    /// </remarks>
    public static HazardScore Score(double frostDays, double coldSpellDays, double iceDays, double coldestNight)
    {
        if (double.IsNaN(frostDays) && double.IsNaN(coldSpellDays) && double.IsNaN(iceDays) && double.IsNaN(coldestNight))
            return new(0.35, true);

        bool fallback = false;
        double cold = Missing.Or(frostDays, 10, ref fallback);
        double csdi = Missing.Or(coldSpellDays, 8, ref fallback);
        double ice = Missing.Or(iceDays, 5, ref fallback);
        double tn = Missing.Or(coldestNight, -15, ref fallback);
        double score =
            0.3 * Math.Min(cold / 30, 1)
            + 0.3 * Math.Min(csdi / 20, 1)
            + 0.2 * Math.Min(ice / 50, 1)
            + 0.2 * Math.Min(Math.Abs(tn) / 20, 1);
        return HazardScore.Of(score, fallback);
    }
}
