using System.Text.Json.Nodes;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

public sealed class ArgumentTests : IDisposable
{
    private readonly Desk desk = new();

    public void Dispose() => desk.Dispose();

    [SparkTheory]
    [InlineData("--batch-date", "2026-02-30", "2026-02-30")]
    [InlineData("--batch-date", "2026-2-3", "YYYY-MM-DD")]
    [InlineData("--batch-date", "2026-02-12; rm -rf /", "YYYY-MM-DD")]
    [InlineData("--batch-date", "2026-02-13", "dt=2026-02-12")]
    [InlineData("--input", "s3a://bucket", "s3a://bucket/key")]
    [InlineData("--input", "https://bucket/key", "s3a://bucket/key")]
    [InlineData("--input", "s3a://bucket/a/../b", "s3a://bucket/key")]
    [InlineData("--input", "s3a://bucket/raw/*", "without wildcards")]
    [InlineData("--output", "relative/path", "absolute path")]
    [InlineData("--output", "/data/in/out", "lie in each other")]
    [InlineData("--score-threshold", "nan", "from 0.0 to 1000.0")]
    [InlineData("--score-threshold", "-1", "from 0.0 to 1000.0")]
    [InlineData("--max-files", "1.5", "whole number")]
    [InlineData("--z-score", "modern", "classic, robust")]
    [InlineData("--bogus", "1", "--bogus")]
    public async Task A_bad_option_ends_with_2_and_its_reason_before_anything_is_read(string option, string value, string reason)
    {
        Ran ran = await ReadAsync("stage1", (option, value));

        Assert.Equal(2, ran.ExitCode);
        Assert.StartsWith("stage1: error: ", ran.Reason, StringComparison.Ordinal);
        Assert.Contains(reason, ran.Reason, StringComparison.Ordinal);
    }

    [SparkFact]
    public async Task Every_missing_option_is_named()
    {
        Ran ran = await SparkStandIn.SubmitAsync("stage2/main.py", "--batch-date", Desk.Day);

        Assert.Equal((2, "stage2: error: Missing: --input, --output, --roads."), (ran.ExitCode, ran.Reason));
    }

    [SparkTheory]
    [InlineData(null, "cannot be read")]
    [InlineData("velocity: 5", "cannot be read")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("- hdop_threshold", "lacks hdop_threshold")]
    [InlineData("hdop_treshold=5", "has the unknown hdop_treshold")]
    [InlineData("score_threshold=\"high\"", "not a number")]
    [InlineData("min_satellites=4.5", "not a whole number")]
    [InlineData("z_score=null", "classic, robust")]
    public async Task A_bad_configuration_ends_with_2_and_its_reason_before_anything_is_read(string? change, string reason)
    {
        string file = desk.At("config.json");
        JsonObject config = JsonNode
            .Parse(await File.ReadAllTextAsync(Path.Combine(SparkStandIn.Jobs, "stage1", "config.json")))!
            .AsObject();
        if (change?.Split('=') is [var key, var value])
            config[key] = JsonNode.Parse(value);
        if (change?.StartsWith("- ", StringComparison.Ordinal) is true)
            config.Remove(change[2..]);
        bool isText = change is not null && !change.Contains('=', StringComparison.Ordinal) && change[0] != '-';
        if (change is not null)
            await File.WriteAllTextAsync(file, isText ? change : config.ToJsonString());

        Ran ran = await ReadAsync("stage1", ("--config", file));

        Assert.Equal(2, ran.ExitCode);
        Assert.Contains(reason, ran.Reason, StringComparison.Ordinal);
    }

    [SparkFact]
    public async Task A_partition_that_is_absent_empty_or_without_rows_is_no_input_and_leaves_no_output()
    {
        Ran absent = await desk.RunStage1Async();
        Directory.CreateDirectory(Path.Combine(desk.Raw, "_temporary"));
        await File.WriteAllTextAsync(Path.Combine(desk.Raw, "part-0.parquet"), "");
        Ran empty = await desk.RunStage1Async();
        File.Delete(Path.Combine(desk.Raw, "part-0.parquet"));
        await desk.WriteRawAsync([]);
        Ran withoutRows = await desk.RunStage1Async();

        Assert.Equal([3, 3, 3], new[] { absent, empty, withoutRows }.Select(ran => ran.ExitCode));
        Assert.Contains("hold no row", withoutRows.Reason, StringComparison.Ordinal);
        Assert.False(Directory.Exists(desk.Stage1));
    }

    [SparkFact]
    public async Task A_missing_column_is_named()
    {
        Directory.CreateDirectory(desk.Raw);
        await DuckDb.QueryAsync(
            $"COPY (SELECT 1 AS timestamp, 'a' AS trip_id, 1.0 AS lon, 1.0 AS lat) TO '{desk.Raw}/a.parquet' (FORMAT parquet)"
        );

        Ran ran = await desk.RunStage1Async();

        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("lacks the columns accel_z, gyro_y, velocity, hdop, satellites", ran.Reason, StringComparison.Ordinal);
    }

    // Without spark-submit: PySpark is not there, and not needed to say what is wrong.
    private static Task<Ran> ReadAsync(string stage, (string Option, string Value) changed)
    {
        Dictionary<string, string> options = new()
        {
            ["--batch-date"] = Desk.Day,
            ["--input"] = "/data/in",
            ["--output"] = $"/data/dt={Desk.Day}",
        };
        options[changed.Option] = changed.Value;
        return SparkStandIn.RunAsync(
            "python3",
            ["-B", Path.Combine(SparkStandIn.Jobs, stage, "main.py"), .. options.SelectMany(pair => new[] { pair.Key, pair.Value })]
        );
    }
}
