using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Wildfire: a simplified fire weather index from annual means, weighted by land cover.</summary>
public static class Wildfire
{
    /// <summary>H = 0.4·ffmc/101 + 0.3·isi/37 + 0.3·bui/292, times 1.3 in forest, 1.2 in grassland, 0.8 on farmland; capped at 1.</summary>
    /// <param name="temperature">°C; default 25.</param>
    /// <param name="humidity">Relative, %; default 50.</param>
    /// <param name="wind">m/s; default 3.</param>
    /// <param name="annualRain">mm; default 1200.</param>
    public static HazardScore Score(double temperature, double humidity, double wind, double annualRain, LandCover cover)
    {
        bool fallback = false;
        double t = Missing.Or(temperature, 25, ref fallback);
        double rh = Missing.Or(humidity, 50, ref fallback);
        double w = Missing.Or(wind, 3, ref fallback);
        double rain = Missing.Or(annualRain, 1200, ref fallback);

        double ffmc = Math.Clamp(85 - rh / 100 * 50 + t / 50 * 15, 0, 101);
        double droughtCode =
            rain < 500 ? 400
            : rain < 1000 ? 250
            : rain < 1500 ? 150
            : 50;
        double isi = Math.Clamp(w / 5 * 20 + t / 40 * 15, 0, 37);
        double bui = 0.8 * droughtCode; // 320/292 for the driest class: above 1, kept as published
        double factor = cover switch
        {
            LandCover.Forest => 1.3,
            LandCover.Grassland => 1.2,
            LandCover.Agricultural => 0.8,
            _ => 1,
        };
        double index = 100 * (0.4 * ffmc / 101 + 0.3 * isi / 37 + 0.3 * bui / 292) * factor;
        return HazardScore.Of(Math.Min(index, 100) / 100, fallback);
    }
}
