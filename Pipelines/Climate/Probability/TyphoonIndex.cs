using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>
/// S_tc of a place and year: every fix of a storm adds 7 in the storm area of a typhoon (TY), 3 in the storm area of any other, else 1 in
/// the gale area of a TS, STS or TY, else 0.
/// </summary>
public static class TyphoonIndex
{
    private const double KilometresPerDegree = 111;

    /// <summary>Weight of one fix for one place: 0, 1, 3 or 7.</summary>
    public static int Weight(in StormFix fix, double latitude, double longitude)
    {
        if (Inside(fix, latitude, longitude, Or(fix.StormLong, 100), Or(fix.StormShort, 80), Or(fix.StormDirection, 0)))
            return fix.Grade == "TY" ? 7 : 3;
        return
            fix.Grade is "TS" or "STS" or "TY"
            && Inside(fix, latitude, longitude, Or(fix.GaleLong, 200), Or(fix.GaleShort, 150), Or(fix.GaleDirection, 0))
            ? 1
            : 0;
    }

    // The ellipse in km around the fix, its long axis turned by direction° from north over east.
    private static bool Inside(in StormFix fix, double latitude, double longitude, double longAxis, double shortAxis, double direction)
    {
        double north = (latitude - fix.Latitude) * KilometresPerDegree;
        double east = (longitude - fix.Longitude) * KilometresPerDegree * Math.Cos(double.DegreesToRadians((latitude + fix.Latitude) / 2));
        double turn = double.DegreesToRadians(direction);
        double along = north * Math.Cos(turn) + east * Math.Sin(turn),
            across = east * Math.Cos(turn) - north * Math.Sin(turn);
        return along * along / (longAxis * longAxis) + across * across / (shortAxis * shortAxis) <= 1;
    }

    private static double Or(double value, double fallback) => double.IsNaN(value) ? fallback : value;
}
