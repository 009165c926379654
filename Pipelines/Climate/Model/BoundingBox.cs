namespace Durable.Pipelines.Climate.Model;

/// <summary>Part of the grid, in degrees, edges included.</summary>
public sealed record BoundingBox(double South, double West, double North, double East)
{
    /// <summary>What the grid covers: latitude 33 to 39, longitude 124.5 to 132.</summary>
    public static BoundingBox Grid { get; } = new(33.0, 124.5, 39.0, 132.0);

    public bool Contains(double latitude, double longitude) =>
        latitude >= South && latitude <= North && longitude >= West && longitude <= East;
}
