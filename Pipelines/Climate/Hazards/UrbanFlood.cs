using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Urban flood: hourly rain against the drainage capacity of the place (mm/h).</summary>
public static class UrbanFlood
{
    /// <summary>H = 0.5·(1 − drainage/80) + 0.5·excess, capped at 1; hourly rain is RX1DAY/12.</summary>
    /// <param name="wettestDay">RX1DAY in mm; default 100.</param>
    /// <param name="imperviousRatio">Sealed share 0 to 1; default 0.7. Ignored for water, forest and farmland, whose class decides.</param>
    /// <param name="buildingCount">Buildings per km²; default 100.</param>
    public static HazardScore Score(double wettestDay, LandCover cover, double imperviousRatio, double buildingCount)
    {
        bool fallback = false;
        double rain = Missing.Or(wettestDay, 100, ref fallback);
        double drainage = Drainage(cover, imperviousRatio, ref fallback) * Correction(Missing.Or(buildingCount, 100, ref fallback));
        double excess = rain / 12 - drainage;
        double excessScore =
            excess < 0 ? 0
            : excess > 30 ? 0.9
            : excess / 30 * 0.9;
        return HazardScore.Of(Math.Min(1, 0.5 * (1 - Math.Min(1, drainage / 80)) + 0.5 * excessScore), fallback);
    }

    private static double Drainage(LandCover cover, double imperviousRatio, ref bool fallback)
    {
        switch (cover)
        {
            case LandCover.Water:
                return 0;
            case LandCover.Forest:
                return 8;
            case LandCover.Agricultural:
                return 15;
            default:
                double ratio = Missing.Or(imperviousRatio, 0.7, ref fallback);
                return ratio > 0.75 ? 75
                    : ratio > 0.6 ? 55
                    : 40;
        }
    }

    private static double Correction(double buildings) =>
        buildings > 1000 ? 1.0
        : buildings > 500 ? 0.9
        : buildings > 100 ? 0.8
        : 0.7;
}
