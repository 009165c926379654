namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Heat: summer days, warm spells, tropical nights. Inputs in days per year, NaN when missing.</summary>
public static class ExtremeHeat
{
    /// <summary>H = 0.3·su25/100 + 0.3·wsdi/30 + 0.2·tr25/50 + 0.2·tx90p/100, each term capped at its weight, with su25 in place of
    /// tx90p.</summary>
    /// <remarks>Defaults: su25 25, wsdi 10, tr25 15 days. No input at all: 0.4.</remarks>
    public static HazardScore Score(double summerDays, double warmSpellDays, double tropicalNights)
    {
        if (double.IsNaN(summerDays) && double.IsNaN(warmSpellDays) && double.IsNaN(tropicalNights))
            return new(0.4, true);

        bool fallback = false;
        double su25 = Missing.Or(summerDays, 25, ref fallback);
        double wsdi = Missing.Or(warmSpellDays, 10, ref fallback);
        double tr25 = Missing.Or(tropicalNights, 15, ref fallback);
        double tx90p = su25;
        double score =
            0.3 * Math.Min(su25 / 100, 1) + 0.3 * Math.Min(wsdi / 30, 1) + 0.2 * Math.Min(tr25 / 50, 1) + 0.2 * Math.Min(tx90p / 100, 1);
        return HazardScore.Of(score, fallback);
    }
}
