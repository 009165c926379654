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
/// sixteen target years at a time. Agrees with it to 1e-6. Not thread-safe; one per worker, used for every cell.
/// </summary>
internal sealed class RollingBins
{
    /// <summary>Years before and after the target year in its window; the target year itself is the first of those after.</summary>
    private const int Half = 15;

    private const int Lanes = 16, MaxYears = 160, MaxEdges = 8;

    private static readonly double Root2 = Math.Sqrt(2);

    // By edge: edge − value, with zeros before and after. erf(0) = 0, so years outside the series add nothing to a window that reaches beyond it.
    private readonly float[][] distances = [.. Enumerable.Range(0, MaxEdges).Select(_ => new float[Half + MaxYears + Half + Lanes])];
    private readonly double[] sums = new double[MaxYears + 1], squares = new double[MaxYears + 1];
    private readonly float[] scales = new float[Lanes], halves = new float[Lanes], totals = new float[Lanes], shares = new float[MaxEdges * Lanes];

    /// <param name="series">Values of consecutive years, none missing, no zero bin to split off.</param>
    /// <param name="first">Position of the first target year.</param>
    /// <param name="probabilities">Bins of the first target year, then of the next, …</param>
    public void Estimate(ReadOnlySpan<double> series, BinScheme scheme, bool rolling, int first, int count, Span<double> probabilities)
    {
        if (!rolling)
        {
            Span<double> bins = probabilities[..scheme.Count];
            BinProbability.TryEstimate(series, scheme, bins);
            for (int target = 1; target < count; target++) bins.CopyTo(probabilities[(target * scheme.Count)..]);
            return;
        }

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
            Span<float> distance = distances[edge];
            for (int i = 0; i < series.Length; i++) distance[Half + i] = (float)(scheme.Edges[edge] - series[i]);
            distance[(Half + series.Length)..].Clear(); // of a longer series before
        }

        for (int target = 0; target < count; target += Lanes)
        {
            EstimateLanes(series, scheme, first + target, Math.Min(Lanes, count - target), shift, probabilities[(target * scheme.Count)..]);
        }
    }

    private void EstimateLanes(ReadOnlySpan<double> series, BinScheme scheme, int position, int used, double shift, Span<double> probabilities)
    {
        for (int lane = 0; lane < Lanes; lane++)
        {
            (int from, int to) = SampleWindow.Of(Math.Min(position + lane, series.Length - 1), series.Length, rolling: true);
            int n = to - from;
            double sum = sums[to] - sums[from], mean = sum / n;
            double bandwidth = BinProbability.Bandwidth(n, shift + mean, Math.Max(0, squares[to] - squares[from] - sum * mean));
            scales[lane] = bandwidth == 0 ? 0 : (float)(1 / (bandwidth * Root2));
            halves[lane] = 0.5f / n;
        }

        SumShares(scheme, position);
        for (int lane = 0; lane < used; lane++)
        {
            Span<double> bins = probabilities.Slice(lane * scheme.Count, scheme.Count);
            if (scales[lane] == 0 || totals[lane] < 1e-5f) // degenerate, or all outside the bins: the exact arithmetic decides
            {
                (int from, int to) = SampleWindow.Of(position + lane, series.Length, rolling: true);
                BinProbability.TryEstimate(series[from..to], scheme, bins);
                continue;
            }

            double whole = 0; // of the rounded shares, so that the bins sum to 1 in double precision
            for (int interval = 0; interval < scheme.Intervals; interval++) whole += shares[interval * Lanes + lane];
            for (int interval = 0; interval < scheme.Intervals; interval++) bins[scheme.Slot(interval)] = shares[interval * Lanes + lane] / whole;
        }
    }

    /// <summary>Share of each interval in the density of each lane, and their total.</summary>
    private void SumShares(BinScheme scheme, int position)
    {
        Vector512<float> total = Vector512<float>.Zero, below = Vector512<float>.Zero;
        for (int edge = 0; edge < scheme.Edges.Length; edge++)
        {
            double at = scheme.Edges[edge];
            Vector512<float> distribution = double.IsInfinity(at)
                ? at > 0 ? Vector512<float>.One : Vector512<float>.Zero
                : Vector512.FusedMultiplyAdd(SumOfErf(distances[edge], position), Vector512.LoadUnsafe(ref halves[0]), Vector512.Create(0.5f));
            if (edge > 0)
            {
                Vector512<float> share = Vector512.Max(distribution - below, Vector512<float>.Zero);
                share.StoreUnsafe(ref shares[(edge - 1) * Lanes]);
                total += share;
            }

            below = distribution;
        }

        total.StoreUnsafe(ref totals[0]);
    }

    /// <summary>Σ erf(distance·scale) over the window of each lane. Years in pairs, which share one division.</summary>
    private Vector512<float> SumOfErf(float[] distance, int position)
    {
        Vector512<float> sum = Vector512<float>.Zero, scale = Vector512.LoadUnsafe(ref scales[0]);
        for (int year = position; year < position + 2 * Half; year += 2)
        {
            (Vector512<float> top, Vector512<float> bottom) = Normal.ErfRatio(Vector512.LoadUnsafe(ref distance[year]) * scale);
            (Vector512<float> nextTop, Vector512<float> nextBottom) = Normal.ErfRatio(Vector512.LoadUnsafe(ref distance[year + 1]) * scale);
            sum += Vector512.FusedMultiplyAdd(top, nextBottom, nextTop * bottom) / (bottom * nextBottom);
        }

        return sum;
    }
}
