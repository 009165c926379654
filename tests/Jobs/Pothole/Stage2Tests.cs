using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

public sealed class Stage2Tests : IDisposable
{
    // WGS 84 at 34.8° N: a degree of latitude is 110,943 m, one of longitude 91,530 m.
    private const double Lon = 127.65,
        Lat = 34.8;

    private readonly Desk desk = new();

    public void Dispose() => desk.Dispose();

    [SparkFact]
    public async Task The_nearest_segment_is_the_nearest_in_metres_not_in_degrees()
    {
        await desk.WriteRoadsAsync(("east", Lon + 0.0010, Lat), ("north", Lon, Lat + 0.0009)); // 91.5 m and 99.8 m
        await desk.WriteScoredAsync([(Lon, Lat, 1)]);

        Impact[] impacts = await desk.CountAsync();

        Assert.Equal([new Impact("east", Desk.Day, 1, 1, Lon + 0.0010, Lat)], impacts);
    }

    [SparkFact]
    public async Task A_row_farther_than_the_limit_from_every_midpoint_is_counted_and_belongs_to_none()
    {
        await desk.WriteRoadsAsync(("a", Lon, Lat));
        await desk.WriteScoredAsync([
            (Lon, Lat + 0.00090, 0),
            (Lon, Lat - 0.00091, 1), // 99.8 m, 101.0 m
            (Lon + 0.00109, Lat, 1),
            (Lon - 0.00110, Lat, 1), // 99.8 m, 100.7 m
            (Lon + 40, Lat + 10, 1),
            (null, Lat, 0),
            (Lon, double.NaN, 0),
        ]);

        Impact impact = Assert.Single(await desk.CountAsync());
        Assert.Equal((1, 2), (impact.ImpactCount, impact.TotalCount));
        Assert.Equal(3, Desk.Metric(desk.Stage2, "rows_too_far"));
        Assert.Equal(3, Desk.Metric(desk.Stage2, "impacts_unmatched"));
        Assert.Equal(2, Desk.Metric(desk.Stage2, "rows_invalid"));

        impact = Assert.Single(await desk.CountAsync("--max-distance-m", "102"));
        Assert.Equal((3, 4), (impact.ImpactCount, impact.TotalCount));
    }

    [SparkFact]
    public async Task The_midpoint_lies_between_start_and_end_and_of_equally_near_ones_the_first_by_name_counts()
    {
        await File.WriteAllLinesAsync(
            desk.Roads,
            [
                "s_id,link_id,start_lon,start_lat,end_lon,end_lat",
                "b,1,127.6500,34.8,127.6510,34.8",
                "a,1,127.6510,34.8,127.6500,34.8",
                "c,1,127.6500,34.8,127.6512,34.8",
            ]
        );
        await desk.WriteScoredAsync([(127.6505, 34.8, 1), (127.6505, 34.8, 0)]);

        Impact[] impacts = await desk.CountAsync();

        Impact impact = Assert.Single(impacts);
        Assert.Equal(("a", 1, 2), (impact.Segment, impact.ImpactCount, impact.TotalCount));
        Assert.Equal(127.6505, impact.Lon, 1e-12);
    }

    [SparkFact]
    public async Task The_export_has_the_rows_of_the_Parquet_files_in_order_of_names()
    {
        await desk.WriteRoadsAsync(("b_0001", 127.5, 34.5), ("a,1", 127.6, 34.6), ("a\"2", 127.7, 34.7), ("B_0000", 127.65, 34.8));
        await desk.WriteScoredAsync([(127.5, 34.5, 1), (127.5, 34.5, 1), (127.5, 34.5, 0), (127.7, 34.7, 0), (127.65, 34.8, 1)]);
        string road = await File.ReadAllTextAsync(desk.Roads);
        await File.WriteAllTextAsync(
            desk.Roads,
            road.Replace("a,1", "\"a,1\"", StringComparison.Ordinal).Replace("a\"2", "\"a\"\"2\"", StringComparison.Ordinal)
        );

        Impact[] impacts = await desk.CountAsync("--rows-per-file", "1", "--max-files", "2");

        Assert.Equal(["B_0000", "a\"2", "b_0001"], impacts.Select(impact => impact.Segment)); // by code point
        Assert.Equal(2, Directory.GetFiles(desk.Stage2, "*.parquet").Length);
        Assert.Equal(
            """
            s_id,date,impact_count,total_count,centroid_lon,centroid_lat
            B_0000,2026-02-12,1,1,127.65,34.8
            "a""2",2026-02-12,0,1,127.7,34.7
            b_0001,2026-02-12,2,3,127.5,34.5

            """,
            await File.ReadAllTextAsync(Path.Combine(desk.Stage2, "_export", "segments.csv"))
        );
        Assert.True(
            File.GetLastWriteTimeUtc(Path.Combine(desk.Stage2, "_SUCCESS"))
                >= File.GetLastWriteTimeUtc(Path.Combine(desk.Stage2, "_metrics.json"))
        );
    }

    [SparkFact]
    public async Task A_segment_name_that_is_there_twice_is_refused_and_nothing_is_written()
    {
        await desk.WriteRoadsAsync(("a", Lon, Lat), ("b", Lon, Lat), ("a", Lon + 0.1, Lat));
        await desk.WriteScoredAsync([(Lon, Lat, 1)]);

        Ran ran = await desk.RunStage2Async();

        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("a is there 2 times", ran.Reason, StringComparison.Ordinal);
        Assert.False(Directory.Exists(desk.Stage2));
    }

    [SparkFact]
    public async Task A_segment_without_coordinates_is_refused()
    {
        await desk.WriteRoadsAsync(("a", Lon, Lat), ("b", Lon, 95));
        await desk.WriteScoredAsync([(Lon, Lat, 1)]);

        Ran ran = await desk.RunStage2Async();

        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("1 of 2 segments", ran.Reason, StringComparison.Ordinal);
    }

    [SparkFact]
    public async Task Output_of_a_stage_1_that_did_not_finish_is_no_input()
    {
        await desk.WriteRoadsAsync(("a", Lon, Lat));
        await desk.WriteScoredAsync([(Lon, Lat, 1)]);
        File.Delete(Path.Combine(desk.Stage1, "_SUCCESS"));

        Ran ran = await desk.RunStage2Async();

        Assert.Equal(3, ran.ExitCode);
        Assert.Contains("_SUCCESS", ran.Reason, StringComparison.Ordinal);
    }

    [SparkFact]
    public async Task A_day_on_which_nothing_was_kept_ends_with_no_segment_and_says_so()
    {
        await desk.WriteRawAsync([new SensorRow("a", Desk.Noon, 9, Velocity: 0)]);
        await desk.WriteRoadsAsync(("a", Lon, Lat));

        Assert.Empty(await desk.ScoreAsync());
        Assert.Empty(await desk.CountAsync());

        Assert.Equal(0, Desk.Metric(desk.Stage2, "rows_out"));
        Assert.Equal(
            "s_id,date,impact_count,total_count,centroid_lon,centroid_lat\n",
            await File.ReadAllTextAsync(Path.Combine(desk.Stage2, "_export", "segments.csv"))
        );
    }

    [SparkTheory]
    [InlineData(34.8, 100)]
    [InlineData(-63.1, 1000)]
    public async Task Counts_are_those_of_measuring_every_row_to_every_segment(double latitude, double limit)
    {
        Random random = new(11);
        double span = limit / 4000;
        (string Name, double Lon, double Lat)[] segments =
        [
            .. from number in Enumerable.Range(0, 300)
            select ($"s{number:000}", Round(span * (random.NextDouble() - 0.5)), Round(latitude + span * random.NextDouble())),
        ];
        (double? Lon, double? Lat, int IsPothole)[] rows =
        [
            .. from number in Enumerable.Range(0, 4000)
            let lon = span * (1.5 * random.NextDouble() - 1)
            let lat = latitude + span * (1.5 * random.NextDouble() - 0.3)
            select ((double?)lon, (double?)lat, random.Next(2)),
        ];
        await desk.WriteRoadsAsync(segments);
        await desk.WriteScoredAsync(rows);

        Impact[] found = await desk.CountAsync("--max-distance-m", $"{limit}");

        Impact[] expected =
        [
            .. from row in rows
            let nearest = segments
                .Select(at => (at, Metres: ChordMetres(row.Lon!.Value, row.Lat!.Value, at.Lon, at.Lat)))
                .MinBy(pair => pair.Metres)
            where nearest.Metres <= limit
            group row by nearest.at into segment
            orderby segment.Key.Name
            select new Impact(
                segment.Key.Name,
                Desk.Day,
                segment.Sum(row => row.IsPothole),
                segment.Count(),
                segment.Key.Lon,
                segment.Key.Lat
            ),
        ];
        Assert.Equal(expected, found);
        long far = rows.Length - expected.Sum(impact => impact.TotalCount);
        Assert.InRange(far, 100, rows.Length - 100); // both kinds were there
        Assert.Equal(far, Desk.Metric(desk.Stage2, "rows_too_far"));
    }

    private static double Round(double degrees) => Math.Round(degrees, 6);

    // Straight through the ellipsoid WGS 84 (a = 6,378,137 m, e² = 0.00669437999014): another way to the same metres, at these distances.
    private static double ChordMetres(double lon1, double lat1, double lon2, double lat2)
    {
        (double x1, double y1, double z1) = Earth(lon1, lat1);
        (double x2, double y2, double z2) = Earth(lon2, lat2);
        return Math.Sqrt((x1 - x2) * (x1 - x2) + (y1 - y2) * (y1 - y2) + (z1 - z2) * (z1 - z2));
    }

    private static (double X, double Y, double Z) Earth(double lon, double lat)
    {
        const double A = 6_378_137,
            E2 = 0.00669437999014;
        (double sinLat, double cosLat) = Math.SinCos(lat * Math.PI / 180);
        (double sinLon, double cosLon) = Math.SinCos(lon * Math.PI / 180);
        double n = A / Math.Sqrt(1 - E2 * sinLat * sinLat);
        return (n * cosLat * cosLon, n * cosLat * sinLon, n * (1 - E2) * sinLat);
    }
}
