using System.Globalization;
using System.Text.Json.Nodes;
using Durable.Cli.Client;

namespace Durable.Cli.Output;

/// <summary>A run's numbers, and the monitoring query with its answer, for people.</summary>
internal static class StatisticsView
{
    /// <summary>The numbers of a batch; anything else is written unchanged.</summary>
    public static void WriteRun(Screen screen, JsonNode? run)
    {
        if (run.Number("total") is null)
        {
            JsonView.Write(screen, OutputFormat.Table, run);
            return;
        }
        (string Name, string Value)[] lines =
        [
            ("partitions", Count(run, "total")),
            ("completed", Count(run, "completed")),
            ("failed", Count(run, "failed")),
            ("already there", Count(run, "skipped")),
            ("success rate", run.Text("successRatePercent") + " %"),
            ("duration", run.Text("durationSeconds") + " s"),
            ("average speed", $"{run.Text("averageSpeed")} partitions/s, {Count(run, "valuesPerSecond")} values/s"),
            ("rows written", Count(run, "rows")),
            ("values computed", $"{Count(run, "values")}, {Count(run, "fallbacks")} on stated defaults"),
        ];
        foreach ((string name, string value) in lines)
            screen.Out.WriteLine($"  {name.PadRight(15)}  {value}");
        if (run.Field("failures") is JsonArray { Count: > 0 } failures)
        {
            screen.Out.WriteLine();
            Tables.Write(
                screen,
                ["failed partition", "error"],
                failures.Select(f => (IReadOnlyList<string>)[f.Text("key"), f.Text("error")])
            );
        }
    }

    /// <summary>The query, ready to run, and its rows.</summary>
    /// <param name="all">Every row; else the first and the last year of each scenario.</param>
    public static void WriteMonitoring(Screen screen, JsonNode? monitoring, bool all)
    {
        if (monitoring.Field("rows") is not JsonArray rows)
            return;
        screen.Out.WriteLine();
        screen.Out.WriteLine(monitoring.Text("sql").Trim());
        screen.Out.WriteLine();
        if (monitoring.Field("query") is { } query)
        {
            rows = query.Field("rows") as JsonArray ?? rows;
            screen.Out.WriteLine($"Run over every row in {query.Text("seconds")} s:");
        }
        else if (monitoring.Text("source") is { Length: > 0 } source)
        {
            screen.Out.WriteLine($"Its result, from {source}:");
        }

        List<JsonNode?> shown = all ? [.. rows] : [.. rows.GroupBy(r => r.Text("scenario")).SelectMany(Ends)];
        Tables.Write(
            screen,
            ["scenario", "target_year", "total_records", "avg_hazard_score"],
            shown.Select(r =>
                (IReadOnlyList<string>)[r.Text("scenario"), r.Text("targetYear"), r.Text("totalRecords"), r.Text("avgHazardScore")]
            )
        );
        if (shown.Count < rows.Count)
            screen.Out.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"First and last year of each scenario, {shown.Count} of {rows.Count} rows. All: {Screen.Command} climate status"
                )
            );
    }

    private static IEnumerable<JsonNode?> Ends(IEnumerable<JsonNode?> years)
    {
        JsonNode?[] ordered = [.. years.OrderBy(y => y.Number("targetYear"))];
        return ordered.Length == 1 ? ordered : [ordered[0], ordered[^1]];
    }

    private static string Count(JsonNode? run, string name) => (run.Number(name) ?? 0).ToString("N0", CultureInfo.InvariantCulture);
}
