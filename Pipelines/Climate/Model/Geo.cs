namespace Durable.Pipelines.Climate.Model;

/// <summary>Distances on a sphere of radius 6,371 km.</summary>
public static class Geo
{
    public const double EarthRadiusKilometres = 6371;

    /// <summary>Great-circle distance in km (haversine). Angles in degrees.</summary>
    public static double Kilometres(double latitude1, double longitude1, double latitude2, double longitude2)
    {
        double dLat = double.DegreesToRadians(latitude2 - latitude1),
            dLon = double.DegreesToRadians(longitude2 - longitude1);
        double sinLat = Math.Sin(dLat / 2),
            sinLon = Math.Sin(dLon / 2);
        double a =
            sinLat * sinLat + Math.Cos(double.DegreesToRadians(latitude1)) * Math.Cos(double.DegreesToRadians(latitude2)) * sinLon * sinLon;
        return 2 * EarthRadiusKilometres * Math.Asin(Math.Min(1, Math.Sqrt(a)));
    }
}
