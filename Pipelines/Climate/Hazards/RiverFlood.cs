using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Hazards;

/// <summary>River flood from wetness of the land cover, the wettest day (RX1DAY, mm) and the distance to a river (m).</summary>
/// <remarks>
/// The published curve jumps down just above rain 200 mm (0.667 to 0.505), 300 mm and wetness 10; <see cref="Score"/> keeps it so that
/// scores stay comparable with published ones.
/// </remarks>
public static class RiverFlood
{
    /// <summary>H = (0.4·wetness + 0.6·rain)·factor, capped at 1; factor 1.2 within 1 km of a river, 1.0 within 5 km, else 0.8.</summary>
    /// <remarks>Defaults: rain 250 mm, distance 10,000 m.</remarks>
    public static HazardScore Score(double wettestDay, LandCover cover, double riverDistance)
    {
        bool fallback = false;
        double rain = Missing.Or(wettestDay, 250, ref fallback);
        double distance = Missing.Or(riverDistance, 10_000, ref fallback);
        double factor =
            distance < 1000 ? 1.2
            : distance < 5000 ? 1.0
            : 0.8;
        return HazardScore.Of(Math.Min(1, (0.4 * WetnessScore(WetnessIndex(cover)) + 0.6 * RainScore(rain)) * factor), fallback);
    }

    /// <summary>0 to 1: r/300 up to 200 mm, 0.5 + (r − 200)/200 up to 300 mm, 0.9 above.</summary>
    public static double RainScore(double rain) =>
        rain > 300 ? 0.9
        : rain > 200 ? 0.5 + (rain - 200) / 200
        : rain / 300;

    /// <summary>Topographic wetness index of a land cover.</summary>
    internal static double WetnessIndex(LandCover cover) =>
        cover switch
        {
            LandCover.Forest => 10.5,
            LandCover.Grassland => 9.0,
            LandCover.Agricultural => 7.5,
            LandCover.Water => 14,
            LandCover.Wetland => 12,
            LandCover.Barren => 5.0,
            _ => 6.5,
        };

    internal static double WetnessScore(double index) =>
        index > 10 ? 0.9
        : index > 7 ? 0.5 + (index - 7) / 6
        : index / 20;
}
