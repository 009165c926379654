using System.Globalization;
using System.Text.Json;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

/// <summary>A sensor row; what a test does not name is unremarkable.</summary>
internal sealed record SensorRow(
    string Trip,
    long Timestamp,
    double? AccelZ,
    double? GyroY = 0,
    double? Velocity = 50,
    double? Lon = 127.65,
    double? Lat = 34.8,
    double? Hdop = 1,
    int? Satellites = 8
);

/// <summary>A row of stage 1's output.</summary>
internal sealed record Scored(long Timestamp, double Lon, double Lat, double Score, int IsPothole);

/// <summary>A row of stage 2's output.</summary>
internal sealed record Impact(string Segment, string Date, long ImpactCount, long TotalCount, double Lon, double Lat);

/// <summary>A folder with the inputs and outputs of one test's stages.</summary>
internal sealed class Desk : IDisposable
{
    public const string Day = "2026-02-12";

    /// <summary>2026-02-12 00:00 in Seoul is 2026-02-11 15:00 UTC.</summary>
    public static readonly long Midnight = new DateTimeOffset(2026, 2, 11, 15, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    public static readonly long Noon = Midnight + 12 * 3_600_000;

    public string Folder { get; } = Directory.CreateTempSubdirectory("durable-pothole-").FullName;

    public string Raw => At($"raw/dt={Day}");

    public string Stage1 => At($"stage1/dt={Day}");

    public string Stage2 => At($"stage2/dt={Day}");

    public string Roads => At("roads.csv");

    public string At(string name) => Path.Combine(Folder, name);

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>Adds one Parquet file to the raw partition.</summary>
    public async Task WriteRawAsync(IEnumerable<SensorRow> rows)
    {
        Directory.CreateDirectory(Raw);
        string name = Path.Combine(Raw, $"merged_{Directory.GetFiles(Raw).Length:0000}");
        await WriteParquetAsync(
            name,
            "{'trip_id': 'VARCHAR', 'timestamp': 'BIGINT', 'accel_z': 'DOUBLE', 'gyro_y': 'DOUBLE', 'velocity': 'DOUBLE', "
                + "'lon': 'DOUBLE', 'lat': 'DOUBLE', 'hdop': 'DOUBLE', 'satellites': 'INTEGER'}",
            rows.Select(row =>
                Line(row.Trip, row.Timestamp, row.AccelZ, row.GyroY, row.Velocity, row.Lon, row.Lat, row.Hdop, row.Satellites)
            )
        );
    }

    /// <summary>Makes what stage 1 would have left.</summary>
    public async Task WriteScoredAsync(IEnumerable<(double? Lon, double? Lat, int IsPothole)> rows)
    {
        Directory.CreateDirectory(Stage1);
        await WriteParquetAsync(
            Path.Combine(Stage1, "part-00000"),
            "{'lon': 'DOUBLE', 'lat': 'DOUBLE', 'is_pothole': 'INTEGER'}",
            rows.Select(row => Line(row.Lon, row.Lat, row.IsPothole))
        );
        await File.WriteAllTextAsync(Path.Combine(Stage1, "_SUCCESS"), "");
    }

    /// <summary>Makes a road of segments that are points: start, end and midpoint are one.</summary>
    public Task WriteRoadsAsync(params (string Name, double Lon, double Lat)[] segments) =>
        File.WriteAllLinesAsync(
            Roads,
            [
                "s_id,link_id,start_lon,start_lat,end_lon,end_lat",
                .. segments.Select(at => Line(at.Name, "1", at.Lon, at.Lat, at.Lon, at.Lat)),
            ]
        );

    public Task<Ran> RunStage1Async(params string[] options) =>
        SparkStandIn.SubmitAsync("stage1/main.py", ["--batch-date", Day, "--input", Raw, "--output", Stage1, .. options]);

    public Task<Ran> RunStage2Async(params string[] options) =>
        SparkStandIn.SubmitAsync(
            "stage2/main.py",
            ["--batch-date", Day, "--input", Stage1, "--roads", Roads, "--output", Stage2, .. options]
        );

    /// <summary>Runs stage 1, which must succeed, and returns its rows in the order of its files.</summary>
    public async Task<Scored[]> ScoreAsync(params string[] options)
    {
        Ran ran = await RunStage1Async(options);
        Assert.True(ran.ExitCode == 0, ran.Error);
        return await ScoredAsync();
    }

    public async Task<Scored[]> ScoredAsync() =>
        [
            .. from row in await DuckDb.QueryAsync($"SELECT timestamp, lon, lat, impact_score, is_pothole FROM {DuckDb.Parquet(Stage1)}")
            select new Scored((long)row[0], (double)row[1], (double)row[2], (double)row[3], (int)row[4]),
        ];

    /// <summary>Runs stage 2, which must succeed, and returns its rows in the order of its files.</summary>
    public async Task<Impact[]> CountAsync(params string[] options)
    {
        Ran ran = await RunStage2Async(options);
        Assert.True(ran.ExitCode == 0, ran.Error);
        return
        [
            .. from row in await DuckDb.QueryAsync(
                $"SELECT s_id, CAST(date AS VARCHAR), impact_count, total_count, centroid_lon, centroid_lat FROM {DuckDb.Parquet(Stage2)}"
            )
            select new Impact((string)row[0], (string)row[1], (long)row[2], (long)row[3], (double)row[4], (double)row[5]),
        ];
    }

    /// <summary>A number of a stage's <c>_metrics.json</c>.</summary>
    public static long Metric(string output, string name) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(output, "_metrics.json"))).RootElement.GetProperty(name).GetInt64();

    private static async Task WriteParquetAsync(string name, string columns, IEnumerable<string> lines)
    {
        await File.WriteAllLinesAsync(name + ".csv", lines);
        await DuckDb.QueryAsync(
            $"""
            COPY (SELECT * FROM read_csv('{name}.csv', auto_detect = false, header = false, delim = ',', quote = '"', columns = {columns}))
            TO '{name}.parquet' (FORMAT parquet, COMPRESSION snappy)
            """
        );
        File.Delete(name + ".csv");
    }

    private static string Line(params object?[] values) =>
        string.Join(',', values.Select(value => Convert.ToString(value, CultureInfo.InvariantCulture)));
}
