using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;

namespace Durable.Pipelines.Climate.Packing;

/// <summary>All storm fixes, in half-degree bands of latitude so that a place searches only its neighbourhood.</summary>
internal sealed class StormRecord
{
    private const double BandDegrees = 0.5,
        GaleDegrees = Typhoon.GaleKilometres / 111.0 + BandDegrees;

    // JMA's largest recorded gale axis is about 1,300 km (700 nautical miles); a fix further away cannot reach.
    private const double LargestAxisDegrees = 12.5;

    private readonly Dictionary<int, TrackPoint[]> bands;
    private readonly ILookup<int, StormFix> byYear;

    public StormRecord(IReadOnlyList<StormFix> fixes)
    {
        IsEmpty = fixes.Count == 0;
        bands = fixes
            .GroupBy(fix => Band(fix.Latitude))
            .ToDictionary(
                band => band.Key,
                band =>
                    band.Select(fix => new TrackPoint(fix.Latitude, fix.Longitude, double.IsNaN(fix.MaxWind) ? 0 : fix.MaxWind)).ToArray()
            );
        byYear = fixes.ToLookup(fix => fix.Year);
        // Years without storms inside the record count, with index 0.
        Years = IsEmpty
            ? []
            : [.. Enumerable.Range(fixes.Min(fix => fix.Year), fixes.Max(fix => fix.Year) - fixes.Min(fix => fix.Year) + 1)];
    }

    public bool IsEmpty { get; }

    public IReadOnlyList<int> Years { get; }

    /// <summary>Every fix that could lie within gale distance.</summary>
    public IEnumerable<TrackPoint> Near(double latitude, double longitude)
    {
        double lonReach = GaleDegrees / Math.Cos(double.DegreesToRadians(Math.Min(80, Math.Abs(latitude) + GaleDegrees)));
        for (int band = Band(latitude - GaleDegrees); band <= Band(latitude + GaleDegrees); band++)
        {
            if (!bands.TryGetValue(band, out TrackPoint[]? points))
                continue;
            foreach (TrackPoint point in points)
            {
                if (Math.Abs(point.Longitude - longitude) <= lonReach)
                    yield return point;
            }
        }
    }

    /// <summary>The typhoon index of every cell of a tile in one year.</summary>
    public GridColumns Index(Tile tile, int year)
    {
        GridColumns columns = new(tile.Cells);
        float[] index = columns[GridVariable.TyphoonIndex];
        Array.Clear(index);
        double south = tile.Latitudes.Min() - LargestAxisDegrees,
            north = tile.Latitudes.Max() + LargestAxisDegrees;
        StormFix[] reaching = [.. byYear[year].Where(fix => fix.Latitude >= south && fix.Latitude <= north)];
        for (int at = 0; at < tile.Cells; at++)
        {
            foreach (StormFix fix in reaching)
                index[at] += TyphoonIndex.Weight(fix, tile.Latitudes[at], tile.Longitudes[at]);
        }

        return columns;
    }

    private static int Band(double latitude) => (int)Math.Floor(latitude / BandDegrees);
}
