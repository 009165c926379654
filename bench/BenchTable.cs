using System.Globalization;
using System.Text;

namespace Durable.Bench;

/// <summary>Rows beside their floors, as a Markdown table.</summary>
internal sealed class BenchTable
{
    private readonly List<string> rows = [];

    /// <summary>A rate beside its floor; <paramref name="reach"/> is the ratio to reach.</summary>
    public void Add(string what, double value, string floorName, double floor, double reach) =>
        Row(what, Number(value), $"{floorName}: {Number(floor)}", Percent(value / floor), $"≥ {Percent(reach)}", value / floor >= reach);

    /// <summary>Latencies in milliseconds with the median and 99th percentile to keep below.</summary>
    public void AddLatency(string what, double[] milliseconds, double median, double worst)
    {
        double[] sorted = [.. milliseconds.Order()];
        double p50 = sorted[sorted.Length / 2];
        double p99 = sorted[(int)(sorted.Length * 0.99)];
        Row(
            what,
            $"p50 {Number(p50)} ms, p99 {Number(p99)} ms",
            "",
            "",
            $"p50 ≤ {Number(median)}, p99 ≤ {Number(worst)} ms",
            p50 <= median && p99 <= worst
        );
    }

    /// <summary>A value with a limit.</summary>
    public void AddAtMost(string what, double value, double limit) =>
        Row(what, value.ToString("0.##", CultureInfo.InvariantCulture), "", "", $"≤ {Number(limit)}", value <= limit);

    /// <summary>The table.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.AppendLine("| what | measured | floor of the same run | ratio | reach | |").AppendLine("|---|---|---|---|---|---|");
        rows.ForEach(row => text.AppendLine(row));
        return text.ToString();
    }

    private static string Number(double value) => value.ToString(value < 10 ? "0.##" : "#,0", CultureInfo.InvariantCulture);

    private static string Percent(double ratio) => ratio.ToString("0 %", CultureInfo.InvariantCulture);

    private void Row(string what, string value, string floor, string ratio, string reach, bool reached)
    {
        string row = $"| {what} | {value} | {floor} | {ratio} | {reach} | {(reached ? "yes" : "**no**")} |";
        Console.WriteLine(row);
        rows.Add(row);
    }
}
