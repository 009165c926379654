namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Sea-level rise (cm) for places within 10 km of the coast.</summary>
public static class SeaLevelRise
{
    /// <summary>0 from 10 km inland on; else a rising curve: 0.4 at 30 cm, 0.7 at 50 cm, 1 from 100 cm.</summary>
    /// <remarks>Defaults: rise 30 cm, distance 50,000 m (inland).</remarks>
    public static HazardScore Score(double riseCentimetres, double coastDistance)
    {
        bool fallback = false;
        double distance = Missing.Or(coastDistance, 50_000, ref fallback);
        if (distance >= 10_000)
            return new(0, fallback);

        double s = Missing.Or(riseCentimetres, 30, ref fallback);
        double score =
            s >= 100 ? 1.0
            : s >= 50 ? 0.7 + (s - 50) / 50 * 0.3
            : s >= 30 ? 0.4 + (s - 30) / 20 * 0.3
            : s / 30 * 0.4;
        return HazardScore.Of(Math.Clamp(score, 0, 1), fallback);
    }
}
