using System.Globalization;

namespace Durable.Bench;

/// <summary>What a rate is shown beside: something measured in the same rounds.</summary>
internal sealed record Beside(string Name, Samples Values);

/// <summary>Rows beside their floors, as a Markdown table. A ratio is the median of the rounds' ratios.</summary>
internal sealed class BenchTable
{
    private readonly BenchReport report;

    /// <summary>Begins a table of <paramref name="report"/>.</summary>
    public BenchTable(BenchReport report)
    {
        this.report = report;
        report.Say("| what | measured | min to max | beside, in the same run | ratio | reach | |");
        report.Say("|---|---|---|---|---|---|---|");
    }

    /// <summary>A rate that is to reach <paramref name="least"/>.</summary>
    public void AddRate(string what, Samples rate, double least, Beside? beside = null) =>
        Row(what, Number(rate.Median), Range(rate), beside, Ratio(rate, beside), $"≥ {Number(least)}", rate.Median >= least);

    /// <summary>A rate whose ratio is to reach <paramref name="least"/>, if any.</summary>
    public void AddRatio(string what, Samples rate, Beside beside, double? least = null) =>
        Row(
            what,
            Number(rate.Median),
            Range(rate),
            beside,
            Ratio(rate, beside),
            least is { } ratio ? $"≥ {Percent(ratio)}" : "",
            least is null ? null : rate.Over(beside.Values).Median >= least
        );

    /// <summary>Latencies in milliseconds with the median and 99th percentile to keep below.</summary>
    public void AddLatency(string what, double[] milliseconds, double median, double worst)
    {
        double[] sorted = [.. milliseconds.Order()];
        double p50 = sorted[sorted.Length / 2];
        double p99 = sorted[(int)(sorted.Length * 0.99)];
        Row(
            what,
            $"p50 {Number(p50)} ms, p99 {Number(p99)} ms",
            Range(new Samples(milliseconds)),
            null,
            "",
            $"p50 ≤ {Number(median)}, p99 ≤ {Number(worst)} ms",
            p50 <= median && p99 <= worst
        );
    }

    /// <summary>Durations whose median is to keep to <paramref name="most"/> seconds, or each of them when <paramref name="all"/>; null:
    /// shown only.</summary>
    public void AddSeconds(string what, Samples seconds, double? most = null, bool all = false) =>
        Row(
            what,
            $"{seconds.Median.ToString("0.00", CultureInfo.InvariantCulture)} s",
            string.Create(CultureInfo.InvariantCulture, $"{seconds.Min:0.00} to {seconds.Max:0.00}"),
            null,
            "",
            most is { } limit ? $"{(all ? "each" : "median")} ≤ {Number(limit)} s" : "",
            most is null ? null : (all ? seconds.Max : seconds.Median) <= most
        );

    /// <inheritdoc cref="AddAtMost(string, Samples, double)"/>
    public void AddAtMost(string what, double value, double limit) => AddAtMost(what, Samples.Of(value), limit);

    /// <summary>A value that is to keep to a limit.</summary>
    public void AddAtMost(string what, Samples value, double limit) =>
        Row(what, Number(value.Median), Range(value), null, "", $"≤ {Number(limit)}", value.Median <= limit);

    private static string Ratio(Samples rate, Beside? beside) => beside is null ? "" : Percent(rate.Over(beside.Values).Median);

    private static string Range(Samples samples) => samples.Values.Count == 1 ? "" : $"{Number(samples.Min)} to {Number(samples.Max)}";

    private static string Number(double value) => value.ToString(value < 10 ? "0.##" : "#,0", CultureInfo.InvariantCulture);

    private static string Percent(double ratio) => ratio.ToString("0 %", CultureInfo.InvariantCulture);

    private void Row(string what, string value, string range, Beside? beside, string ratio, string reach, bool? reached)
    {
        string floor = beside is null ? "" : $"{beside.Name}: {Number(beside.Values.Median)}";
        if (beside?.Values.Values.Count > 1)
            floor += $" ({Range(beside.Values)})";
        string verdict = reached switch
        {
            null => "",
            true => "yes",
            false => "**no**",
        };
        report.Say($"| {what} | {value} | {range} | {floor} | {ratio} | {reach} | {verdict} |");
    }
}
