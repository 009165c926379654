namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Water stress: demand of the basin against the rain that runs off in it (both m³ per day).</summary>
public static class WaterStress
{
    /// <summary>0.2 when demand/supply &lt; 1, 0.4 below 1.5, 0.7 below 2, else 1; no supply counts as 10.</summary>
    /// <param name="annualRain">mm; default 1200. A true 0 is a value.</param>
    /// <param name="usage">10³ m³ per year; default 500,000.</param>
    /// <param name="area">Basin area in km²; default 15,000.</param>
    /// <param name="runoff">Runoff coefficient; default 0.6.</param>
    public static HazardScore Score(double annualRain, double usage, double area, double runoff)
    {
        bool fallback = false;
        double demand = Missing.Or(usage, 500_000, ref fallback) * 1000 / 365;
        double supply =
            Missing.Or(annualRain, 1200, ref fallback)
            * Missing.Or(area, 15_000, ref fallback)
            * Missing.Or(runoff, 0.6, ref fallback)
            * 1000
            / 365;
        double index = supply == 0 ? 10 : Stated.Ratio(demand / supply);
        return new(
            index < 1.0 ? 0.2
                : index < 1.5 ? 0.4
                : index < 2.0 ? 0.7
                : 1.0,
            fallback
        );
    }
}
