using System.Globalization;
using System.Text;
using Durable.Pipelines.Benchmark.Results;

namespace Durable.Pipelines.Benchmark;

/// <summary>One line of the comparison.</summary>
/// <param name="Gate">E.g. <c>&gt; 0.85</c>.</param>
/// <param name="FromRun">The run it comes from, if another one.</param>
public sealed record ComparedModel(
    string Model,
    string Title,
    ModelState State,
    string? Reason,
    string? DataSet,
    double? Accuracy,
    double? F1,
    double? TestLoss,
    string Gate,
    double? TrainSeconds,
    long? ModelBytes,
    int? Version,
    decimal? CostUsd,
    string? Convergence,
    string? FromRun,
    IReadOnlyList<CurvePoint> Curve
);

/// <summary>Two models side by side.</summary>
/// <param name="Answer">A sentence, also when one of them has no result.</param>
public sealed record ComparedPair(
    string Question,
    string First,
    string Second,
    double? AccuracyDifference,
    double? SecondsRatio,
    double? SizeRatio,
    string Answer
);

/// <summary>The comparison of a suite: every model in one table, the pairs of the seed, learning curves.</summary>
public sealed record ComparisonReport(string RunId, Verdict Verdict, IReadOnlyList<ComparedModel> Models, IReadOnlyList<ComparedPair> Pairs)
{
    /// <param name="rows">The newest result of each model; results of other runs are marked as such.</param>
    public static ComparisonReport Make(string runId, Verdict verdict, IReadOnlyList<ResultRow> rows)
    {
        Dictionary<string, ResultRow> known = rows.GroupBy(row => row.Model).ToDictionary(group => group.Key, group => group.First());
        ComparedModel[] models =
        [
            .. from definition in BenchmarkModels.All
            where known.ContainsKey(definition.Name)
            let row = known[definition.Name]
            select new ComparedModel(
                row.Model,
                definition.Title,
                row.State,
                row.Reason,
                row.DataSet,
                row.Accuracy,
                row.F1,
                row.TestLoss,
                FormattableString.Invariant($"> {row.LeastAccuracy:0.##}"),
                row.TrainSeconds,
                row.ModelBytes,
                row.Version,
                row.CostUsd,
                row.Convergence,
                row.RunId == runId ? null : row.RunId,
                row.Curve
            ),
        ];
        return new ComparisonReport(runId, verdict, models, [.. BenchmarkModels.Pairs.Select(pair => Compare(pair, known))]);
    }

    /// <summary>A Markdown table and a sentence per pair.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        text.Append(
            CultureInfo.InvariantCulture,
            $"# Benchmark {RunId}: {Verdict}\n\n| model | data | accuracy | gate | F1 | loss | time | size | version | verdict |\n|---|---|---|---|---|---|---|---|---|---|\n"
        );
        foreach (ComparedModel model in Models)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {model.Title} | {model.DataSet ?? "–"} | {Number(model.Accuracy, "0.0000")} | {model.Gate} | {Number(model.F1, "0.0000")} | {Number(model.TestLoss, "0.0000")} | {Seconds(model.TrainSeconds)} | {Size(model.ModelBytes)} | {model.Version?.ToString(CultureInfo.InvariantCulture) ?? "–"} | {model.State}{(model.Reason is null ? "" : ": " + model.Reason.Replace('|', '/').Replace('\n', ' '))}{(model.FromRun is null ? "" : $" (from {model.FromRun})")} |\n"
            );
        }

        text.Append('\n');
        foreach (ComparedPair pair in Pairs)
            text.Append(CultureInfo.InvariantCulture, $"- **{pair.Question}?** {pair.Answer}\n");
        text.Append('\n');
        foreach (ComparedModel model in Models.Where(model => model.Convergence is not null))
            text.Append(CultureInfo.InvariantCulture, $"- {model.Title}: {model.Convergence}\n");
        return text.ToString();
    }

    /// <summary>Validation loss over the share of the training done, so that rounds and epochs share an axis.</summary>
    public string ToChart() =>
        CurveChart.Draw(
            $"Validation loss, {RunId}",
            "validation loss (of the first epoch)",
            [
                .. Models
                    .Where(model => model.Curve.Count > 1 && model.Curve[0].ValidationLoss > 0)
                    .Select(model => new ChartLine(
                        $"{model.Title} ({model.Curve.Count})",
                        [
                            .. model.Curve.Select(point =>
                                ((double)point.Epoch / model.Curve[^1].Epoch, point.ValidationLoss / model.Curve[0].ValidationLoss)
                            ),
                        ]
                    )),
            ]
        );

    private static ComparedPair Compare(ModelPair pair, Dictionary<string, ResultRow> known)
    {
        if (Measured(pair.First) is not { } first || Measured(pair.Second) is not { } second)
        {
            string[] absent =
            [
                .. new[] { pair.First, pair.Second }
                    .Where(model => Measured(model) is null)
                    .Select(model => $"{Title(model)} {(known.TryGetValue(model, out ResultRow? row) ? $"is {row.State}" : "never ran")}"),
            ];
            return new ComparedPair(
                pair.Question,
                pair.First,
                pair.Second,
                null,
                null,
                null,
                $"Not comparable: {string.Join(", ", absent)}."
            );
        }

        if (first.DataHash != second.DataHash)
            return new ComparedPair(
                pair.Question,
                pair.First,
                pair.Second,
                null,
                null,
                null,
                "Not comparable: the two saw different data."
            );
        double difference = first.Accuracy!.Value - second.Accuracy!.Value,
            seconds = Ratio(first.TrainSeconds, second.TrainSeconds),
            size = Ratio(first.ModelBytes, second.ModelBytes);
        string better =
            Math.Abs(difference) < 0.0005
                ? $"{Title(pair.First)} and {Title(pair.Second)} are equally accurate"
                : $"{Title(difference > 0 ? pair.First : pair.Second)} is more accurate by {(Math.Abs(difference) * 100).ToString("0.00", CultureInfo.InvariantCulture)} points";
        return new ComparedPair(
            pair.Question,
            pair.First,
            pair.Second,
            difference,
            seconds,
            size,
            FormattableString.Invariant($"{better}; {Title(pair.First)} takes {seconds:0.00} × the time and {size:0.00} × the size.")
        );

        ResultRow? Measured(string model) => known.TryGetValue(model, out ResultRow? row) && row.Accuracy is not null ? row : null;
    }

    private static string Title(string model) => BenchmarkModels.Get(model).Title;

    private static double Ratio(double? a, double? b) => a is > 0 && b is > 0 ? a.Value / b.Value : 0;

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "–";

    private static string Seconds(double? seconds) => seconds is null ? "–" : FormattableString.Invariant($"{seconds:0.0} s");

    private static string Size(long? bytes) => bytes is null ? "–" : FormattableString.Invariant($"{bytes / 1024.0:0} KB");
}
