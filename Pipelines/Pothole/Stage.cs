namespace Durable.Pipelines.Pothole;

/// <summary>One Spark program of the pipeline.</summary>
/// <param name="Name">In job ids, the ledger and the run-scoped path.</param>
/// <param name="Script">In the code bundle; <c>main.py</c> of a folder that holds all of the stage's own files.</param>
/// <param name="Input">Prefix of the day's input partition.</param>
/// <param name="Output">Prefix of the day's output partition.</param>
/// <param name="Files">Options that name an object of the bucket, e.g. <c>--roads</c>; an empty key omits the option.</param>
/// <param name="Arguments">Options with plain values.</param>
/// <param name="Timeout">Of one attempt.</param>
/// <param name="Rows">Gates on the stage's metrics.</param>
public sealed record Stage(
    string Name,
    string Script,
    string Input,
    string Output,
    IReadOnlyDictionary<string, string> Files,
    IReadOnlyList<string> Arguments,
    TimeSpan Timeout,
    IReadOnlyList<MetricLimit> Rows
);

/// <summary>A metric of a stage, or its share of another one, and its allowed range.</summary>
/// <param name="Of">The other metric; null: the number itself.</param>
public sealed record MetricLimit(string Metric, string? Of = null, double? AtLeast = null, double? AtMost = null);

/// <summary>The stages in order. A new one is one entry here and a folder in <c>Jobs/pothole</c>.</summary>
public static class Stages
{
    /// <param name="o">Prefixes, files and limits.</param>
    public static IReadOnlyList<Stage> Of(PotholeOptions o) =>
        [
            new(
                "stage1",
                "stage1/main.py",
                o.RawDataPrefix,
                o.Stage1Prefix,
                new Dictionary<string, string> { ["--speed-bumps"] = o.SpeedBumpsKey },
                [],
                TimeSpan.FromHours(2),
                [new MetricLimit("rows_out", AtLeast: 1)]
            ),
            new(
                "stage2",
                "stage2/main.py",
                o.Stage1Prefix,
                o.Stage2Prefix,
                new Dictionary<string, string> { ["--roads"] = o.RoadsKey },
                [],
                TimeSpan.FromHours(1),
                [new MetricLimit("rows_out", AtLeast: 1), new MetricLimit("rows_too_far", Of: "rows_in", AtMost: o.MaxRejectedShare)]
            ),
        ];
}
