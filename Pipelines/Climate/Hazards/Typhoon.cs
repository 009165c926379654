using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Hazards;

/// <summary>One fix of a storm's track.</summary>
/// <param name="MaxWind">Sustained wind in m/s.</param>
public readonly record struct TrackPoint(double Latitude, double Longitude, double MaxWind);

/// <summary>
/// Effect of the storm tracks on one place, before the year's rain is known. H is linear in the rain score, so a batch computes the track
/// geometry once per cell instead of once per cell, scenario and year.
/// </summary>
/// <param name="Points">Fixes within the gale radius; 0 when the place was never in range.</param>
/// <param name="Wind">Σ 0.55·wind·(1 − d/gale) over them.</param>
/// <param name="Nearness">Σ 0.45·(1 − d/gale) over them.</param>
/// <param name="FallbackRain">Σ 0.45·rain(vmax)·(1 − d/gale): the rain term when RX1DAY is missing.</param>
/// <param name="WindyPoints">Fixes in range with wind above 0: the only positive ones in a year without rain.</param>
public readonly record struct TyphoonExposure(int Points, double Wind, double Nearness, double FallbackRain, int WindyPoints);

/// <summary>Typhoon: wind and rain of past tracks, weighted by nearness to the place.</summary>
public static class Typhoon
{
    /// <summary>Radius of gale winds in km; nothing further away counts.</summary>
    public const double GaleKilometres = 200;

    /// <summary>At most this many fixes count, nearest first.</summary>
    public const int MaxPoints = 100;

    private const double NoStormScore = 0.1;

    /// <summary>Sums the nearest <see cref="MaxPoints"/> fixes within <see cref="GaleKilometres"/>.</summary>
    public static TyphoonExposure Expose(double latitude, double longitude, IEnumerable<TrackPoint> points)
    {
        var inRange = points
            .Select(point => (point.MaxWind, Kilometres: Geo.Kilometres(latitude, longitude, point.Latitude, point.Longitude)))
            .Where(point => point.Kilometres < GaleKilometres)
            .OrderBy(point => point.Kilometres)
            .Take(MaxPoints);
        TyphoonExposure sum = default;
        foreach ((double maxWind, double kilometres) in inRange)
        {
            double nearness = 1 - kilometres / GaleKilometres;
            sum = new TyphoonExposure(
                sum.Points + 1,
                sum.Wind + 0.55 * Math.Min(maxWind / 50, 1) * nearness,
                sum.Nearness + 0.45 * nearness,
                sum.FallbackRain + 0.45 * Math.Min(RainFor(maxWind) / 500, 1) * nearness,
                sum.WindyPoints + (maxWind > 0 ? 1 : 0)
            );
        }

        return sum;
    }

    /// <summary>Mean of 0.55·wind + 0.45·rain over the exposed fixes, weighted by nearness; 0.1 when none was in range.</summary>
    /// <param name="wettestDay">RX1DAY in mm. Missing: each fix brings 300 mm (vmax ≥ 33), 200 mm (≥ 25) or 100 mm.</param>
    /// <param name="tracksKnown">False when no track was ever loaded: then 0.1 is a fallback and not a fact.</param>
    public static HazardScore Score(in TyphoonExposure exposure, double wettestDay, bool tracksKnown = true)
    {
        if (exposure.Points == 0)
            return new(NoStormScore, !tracksKnown);
        if (double.IsNaN(wettestDay))
            return HazardScore.Of(Math.Min(1, (exposure.Wind + exposure.FallbackRain) / exposure.Points), true);

        double rain = Math.Min(wettestDay / 500, 1);
        int positive = rain > 0 ? exposure.Points : exposure.WindyPoints;
        return positive == 0
            ? new(NoStormScore, false)
            : HazardScore.Of(Math.Min(1, (exposure.Wind + rain * exposure.Nearness) / positive), false);
    }

    private static double RainFor(double maxWind) =>
        maxWind >= 33 ? 300
        : maxWind >= 25 ? 200
        : 100;
}
