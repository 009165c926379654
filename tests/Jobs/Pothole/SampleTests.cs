using System.Globalization;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

public sealed class SampleTests : IDisposable
{
    private readonly Desk desk = new();

    public void Dispose() => desk.Dispose();

    [SparkFact]
    public async Task Trip_ids_are_unique_and_every_row_lies_in_the_partition_of_its_own_Korean_day()
    {
        string[] three = ["--trips", "25", "--vehicles", "10"]; // each vehicle drives two or three times a day
        string today = await GenerateAsync("2026-02-12", three),
            tomorrow = await GenerateAsync("2026-02-13", three);
        const string KoreanDay = "CAST(make_timestamp(timestamp * 1000 + 9 * 3600000000) AS DATE)";

        object[][] days = await DuckDb.QueryAsync(
            $"""
            SELECT DISTINCT CAST({KoreanDay} AS VARCHAR) FROM {DuckDb.Parquet(today)}
            UNION ALL SELECT DISTINCT CAST({KoreanDay} AS VARCHAR) FROM {DuckDb.Parquet(tomorrow)}
            """
        );
        // A trip's rows are 100 ms apart: two trips under one id would leave a gap or meet.
        object[][] trips = await DuckDb.QueryAsync(
            $"""
            SELECT count(*), max(timestamp) - min(timestamp), count(DISTINCT timestamp), count(DISTINCT vehicle_id)
            FROM {DuckDb.Parquet(today)} GROUP BY trip_id
            """
        );
        object[][] across = await DuckDb.QueryAsync(
            $"""
            SELECT a.trip_id, max(a.timestamp), min(b.timestamp) FROM {DuckDb.Parquet(today)} AS a
            JOIN {DuckDb.Parquet(tomorrow)} AS b ON a.trip_id = b.trip_id GROUP BY a.trip_id
            """
        );

        Assert.Equal(["2026-02-12", "2026-02-13"], days.Select(row => row[0]));
        Assert.Equal(26, trips.Length); // and the one of the evening before
        Assert.All(
            trips,
            trip => Assert.Equal((100 * ((long)trip[0] - 1), (long)trip[0], 1L), ((long)trip[1], (long)trip[2], (long)trip[3]))
        );
        object[] late = Assert.Single(across);
        Assert.Equal(Desk.Midnight + 86_400_000 - 100, (long)late[1]);
        Assert.Equal(Desk.Midnight + 86_400_000, (long)late[2]);
    }

    [SparkFact]
    public async Task The_road_is_3535_pieces_of_50_m_in_the_box_each_beginning_where_the_one_before_ends()
    {
        await GenerateAsync(null);

        string[][] road = [.. (await File.ReadAllLinesAsync(desk.Roads)).Skip(1).Select(line => line.Split(','))];
        (double Lon, double Lat)[] ends = [.. road.Select(piece => (Number(piece[4]), Number(piece[5])))];

        Assert.Equal(3535, road.Select(piece => piece[0]).Distinct().Count());
        Assert.All(road, piece => Assert.StartsWith(piece[1] + "_", piece[0], StringComparison.Ordinal));
        Assert.All(ends, end => Assert.True(end.Lon is > 127.52 and < 127.78 && end.Lat is > 34.50 and < 35.07));
        Assert.Equal(road.Skip(1).Select(piece => (Number(piece[2]), Number(piece[3]))), ends.SkipLast(1));
        double[] metres =
        [
            .. from piece in road
            let east = (Number(piece[4]) - Number(piece[2])) * 91_500
            let north = (Number(piece[5]) - Number(piece[3])) * 110_943
            select Math.Sqrt(east * east + north * north),
        ];
        Assert.All(metres, length => Assert.InRange(length, 4.5, 50.6));
        Assert.InRange(metres.Count(length => length < 49.4), 60, 88); // the last of each of 88 links
    }

    [SparkFact]
    public async Task A_seed_gives_the_same_rows_again_and_another_seed_gives_others()
    {
        string first = await FingerprintAsync(await GenerateAsync(Desk.Day, "--trips", "5"));
        string again = await FingerprintAsync(await GenerateAsync(Desk.Day, "--trips", "5"));
        string other = await FingerprintAsync(await GenerateAsync(Desk.Day, "--trips", "5", "--seed", "2"));

        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    [SparkFact]
    public async Task The_stages_find_the_same_bad_segments_of_a_sample_road_on_different_days()
    {
        HashSet<string> today = await WorstSegmentsAsync("2026-02-12"),
            tomorrow = await WorstSegmentsAsync("2026-02-13");

        // Potholes of a road stay where they are: 3 segments in 150 by chance would be the same if they did not.
        Assert.InRange(today.Intersect(tomorrow).Count(), 6, 10);
    }

    private async Task<HashSet<string>> WorstSegmentsAsync(string day)
    {
        string raw = await GenerateAsync(day, "--segments", "150", "--trips", "40");
        string[] dated = ["--batch-date", day];
        Ran scored = await SparkStandIn.SubmitAsync("stage1/main.py", [.. dated, "--input", raw, "--output", desk.At($"s1/dt={day}")]);
        Assert.True(scored.ExitCode == 0, scored.Error);
        Ran counted = await SparkStandIn.SubmitAsync(
            "stage2/main.py",
            [.. dated, "--input", desk.At($"s1/dt={day}"), "--roads", desk.Roads, "--output", desk.At($"s2/dt={day}")]
        );
        Assert.True(counted.ExitCode == 0, counted.Error);
        object[][] worst = await DuckDb.QueryAsync(
            $"SELECT s_id FROM {DuckDb.Parquet(desk.At($"s2/dt={day}"))} ORDER BY impact_count * 1.0 / total_count DESC, s_id LIMIT 10"
        );
        return [.. worst.Select(row => (string)row[0])];
    }

    private async Task<string> GenerateAsync(string? day, params string[] options)
    {
        string raw = desk.At($"raw/dt={day}");
        string[] partition = day is null ? [] : ["--batch-date", day, "--output", raw];
        Ran ran = await SparkStandIn.SubmitAsync("sample/main.py", [.. partition, "--roads-output", desk.Roads, .. options]);
        Assert.True(ran.ExitCode == 0, ran.Error);
        return raw;
    }

    private static async Task<string> FingerprintAsync(string folder) =>
        (await DuckDb.QueryAsync($"SELECT md5(string_agg(CAST(t AS VARCHAR), '|')) FROM {DuckDb.Parquet(folder)} AS t"))[0][0].ToString()!;

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
