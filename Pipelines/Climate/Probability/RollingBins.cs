using System.Runtime.Intrinsics;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>Which years around a target year make up its sample.</summary>
public static class SampleWindow
{
    public const string Rolling30 = "rolling-30", FullSeries = "full-series";

    public static IReadOnlyList<string> Names { get; } = [Rolling30, FullSeries];

    /// <summary>Half-open range of positions in a series of <paramref name="length"/> years: 15 before to 14 after, clipped, or all.</summary>
    public static (int From, int To) Of(int position, int length, bool rolling) =>
        rolling ? (Math.Max(0, position - 15), Math.Min(length, position + 15)) : (0, length);
}

/// <summary>
/// Bin probabilities of one place and risk for many windows of the same series: <see cref="BinProbability"/> in single precision,
/// sixteen years at a time. Agrees with it to 1e-6. Not thread-safe; one per worker, used for every cell.
/// </summary>
internal sealed class RollingBins
{
    private const int Lanes = 16, MaxYears = 160;

    private readonly float[][] distances; // by inner edge: edge − value, padded by a vector
    private readonly double[] sums = new double[MaxYears + 1], squares = new double[MaxYears + 1];
    private readonly float[] mask = new float[2 * Lanes];
    private readonly double[] below = new double[8];

    public RollingBins()
    {
        distances = [.. Enumerable.Range(0, 8).Select(_ => new float[MaxYears + Lanes])];
        mask.AsSpan(0, Lanes).Fill(1);
    }

    /// <param name="series">Values of consecutive years, none missing, no zero bin to split off.</param>
    /// <param name="first">Position of the first target year.</param>
    /// <param name="probabilities">Bins of the first target year, then of the next, …</param>
    public void Estimate(ReadOnlySpan<double> series, BinScheme scheme, bool rolling, int first, int count, Span<double> probabilities)
    {
        double shift = series[0]; // keeps the squares small: the variance is a difference of sums
        for (int i = 0; i < series.Length; i++)
        {
            double value = series[i] - shift;
            sums[i + 1] = sums[i] + value;
            squares[i + 1] = squares[i] + value * value;
        }

        for (int edge = 0; edge < scheme.Edges.Length; edge++)
        {
            if (double.IsInfinity(scheme.Edges[edge])) continue;
            for (int i = 0; i < series.Length; i++) distances[edge][i] = (float)(scheme.Edges[edge] - series[i]);
        }

        (int, int) before = (-1, -1);
        for (int target = 0; target < count; target++)
        {
            (int From, int To) window = SampleWindow.Of(first + target, series.Length, rolling);
            Span<double> bins = probabilities.Slice(target * scheme.Count, scheme.Count);
            if (window == before) probabilities.Slice((target - 1) * scheme.Count, scheme.Count).CopyTo(bins);
            else Estimate(series, scheme, window.From, window.To, shift, bins);
            before = window;
        }
    }

    private void Estimate(ReadOnlySpan<double> series, BinScheme scheme, int from, int to, double shift, Span<double> bins)
    {
        int n = to - from;
        double sum = sums[to] - sums[from], mean = sum / n;
        double bandwidth = BinProbability.Bandwidth(n, shift + mean, Math.Max(0, squares[to] - squares[from] - sum * mean));
        if (bandwidth == 0)
        {
            BinProbability.TryEstimate(series[from..to], scheme, bins);
            return;
        }

        float scale = (float)(1 / (bandwidth * Math.Sqrt(2)));
        for (int edge = 0; edge < scheme.Edges.Length; edge++)
        {
            double at = scheme.Edges[edge];
            below[edge] = double.IsInfinity(at) ? (at > 0 ? 1 : 0) : 0.5 + 0.5 * SumOfErf(distances[edge], from, to, scale) / n;
        }

        double total = 0;
        for (int interval = 0; interval < scheme.Intervals; interval++)
        {
            double share = Math.Max(0, below[interval + 1] - below[interval]);
            bins[scheme.Slot(interval)] = share;
            total += share;
        }

        if (total < 1e-5) BinProbability.TryEstimate(series[from..to], scheme, bins); // all outside the bins: let the exact arithmetic decide
        else
        {
            foreach (ref double bin in bins) bin /= total;
        }
    }

    private double SumOfErf(float[] distance, int from, int to, float scale)
    {
        Vector512<float> sum = Vector512<float>.Zero, scales = Vector512.Create(scale);
        int at = from;
        for (; at + Lanes <= to; at += Lanes) sum += Normal.Erf(Vector512.LoadUnsafe(ref distance[at]) * scales);
        if (at < to) sum += Normal.Erf(Vector512.LoadUnsafe(ref distance[at]) * scales * Vector512.LoadUnsafe(ref mask[Lanes - (to - at)]));
        return Vector512.Sum(sum);
    }
}
