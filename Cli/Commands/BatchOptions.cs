using System.CommandLine;
using System.Text.Json.Nodes;

namespace Durable.Cli.Commands;

/// <summary>The options of a climate batch, and their JSON body. Options left out have the host's defaults.</summary>
internal sealed class BatchOptions
{
    /// <summary>hazard, probability or annual (probability, then hazard).</summary>
    public Option<string> Batch { get; } =
        Options.Choice(
            "--batch",
            "hazard, probability or annual (probability, then hazard); default hazard",
            "hazard",
            "probability",
            "annual"
        );

    private Option<string[]> Scenarios { get; } = Options.List("--scenario", "Only these scenarios, comma-separated; default all");

    private Option<long?> StartYear { get; } = Options.Number("--start-year", "First year");

    private Option<long?> EndYear { get; } = Options.Number("--end-year", "Last year");

    private Option<long?> Workers { get; } = Options.Number("--workers", "Partitions computed at the same time");

    private Option<long?> BatchSize { get; } = Options.Number("--batch-size", "Rows per chunk written");

    private Option<string[]> Risks { get; } = Options.List("--risks", "Only these risks, comma-separated; default all");

    private Option<string?> Window { get; } = new("--window") { Description = "Sample for P(H)" };

    private Option<bool> Force { get; } = new("--force") { Description = "Compute existing partitions, too" };

    private Option<string?> Box { get; } = new("--bbox") { Description = "Only this part of the grid: south,west,north,east in degrees" };

    private Option<double?> MaxFallbackShare { get; } =
        new("--max-fallback-share") { Description = "Largest share of values that may use stated defaults" };

    private Option<double?> MaxChange { get; } =
        new("--max-change") { Description = "Largest change of a partition's mean against its last run; 0.5 is half more or less" };

    private Option<string?> PlanHash { get; } = new("--plan-hash") { Description = "Apply exactly the plan with this hash" };

    private Option<bool> Backup { get; } = new("--backup") { Description = "Dump the result tables first" };

    /// <summary>Adds all of them to <paramref name="command"/>.</summary>
    public void AddTo(Command command)
    {
        foreach (
            Option option in new Option[]
            {
                Batch,
                Scenarios,
                StartYear,
                EndYear,
                Workers,
                BatchSize,
                Risks,
                Window,
                Force,
                Box,
                MaxFallbackShare,
                MaxChange,
                PlanHash,
                Backup,
            }
        )
            command.Options.Add(option);
    }

    /// <summary>The body of the start request.</summary>
    public JsonObject Body(ParseResult parsed)
    {
        JsonObject body = [];
        if (parsed.GetValue(Scenarios) is { Length: > 0 } scenarios)
            body["scenarios"] = new JsonArray([.. scenarios.Select(s => JsonValue.Create(s))]);
        if (parsed.GetValue(StartYear) is { } start)
            body["startYear"] = start;
        if (parsed.GetValue(EndYear) is { } end)
            body["endYear"] = end;
        if (parsed.GetValue(Workers) is { } workers)
            body["workers"] = workers;
        if (parsed.GetValue(BatchSize) is { } size)
            body["batchSize"] = size;
        if (parsed.GetValue(Risks) is { Length: > 0 } risks)
            body["risks"] = new JsonArray([.. risks.Select(r => JsonValue.Create(r))]);
        if (parsed.GetValue(Window) is { } window)
            body["window"] = window;
        if (parsed.GetValue(Force))
            body["force"] = true;
        if (parsed.GetValue(Box) is { } box)
            body["bbox"] = box;
        if (parsed.GetValue(MaxFallbackShare) is { } share)
            body["maxFallbackShare"] = share;
        if (parsed.GetValue(MaxChange) is { } change)
            body["maxChange"] = change;
        if (parsed.GetValue(PlanHash) is { } hash)
            body["planHash"] = hash;
        if (parsed.GetValue(Backup))
            body["backup"] = true;
        return body;
    }
}
