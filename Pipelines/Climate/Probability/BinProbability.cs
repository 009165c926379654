namespace Durable.Pipelines.Climate.Probability;

/// <summary>
/// Probability of each bin from a sample of yearly intensities. Gaussian kernel density, Scott bandwidth σ·n^(−1/5) (σ with n − 1); a bin's
/// share is an exact difference of the normal distribution function, so infinite edges give 0 and 1.
/// </summary>
/// <remarks>This is the definition, in double precision. Source of the bandwidth: D. W. Scott, "Multivariate Density Estimation", 1992.
/// <see cref="RollingBins"/> computes the same for many windows at once.</remarks>
public static class BinProbability
{
    /// <summary>With fewer years, counts are used instead of smoothing.</summary>
    public const int SmallestSmoothed = 3;

    private static readonly double[] ScottFactors = [.. Enumerable.Range(0, 200).Select(n => Math.Pow(n, -0.2))];

    /// <summary>Fills <paramref name="probabilities"/> (one per bin, sum 1) from years with a known value.</summary>
    /// <returns>False when the sample is empty: there is no probability then.</returns>
    public static bool TryEstimate(ReadOnlySpan<double> sample, BinScheme scheme, Span<double> probabilities)
    {
        probabilities[..scheme.Count].Clear();
        if (sample.IsEmpty)
            return false;

        double[] smoothed = scheme.ZeroBin ? [.. sample.ToArray().Where(value => value > 0)] : sample.ToArray();
        double share = (double)smoothed.Length / sample.Length; // exact zeros are a point mass; the density covers the rest
        if (scheme.ZeroBin)
            probabilities[0] = 1 - share;
        if (smoothed.Length == 0)
            return true;

        Span<double> intervals = stackalloc double[scheme.Intervals];
        if (!TrySmooth(smoothed, scheme.Edges, intervals))
            Count(smoothed, scheme, intervals);
        for (int interval = 0; interval < intervals.Length; interval++)
            probabilities[scheme.Slot(interval)] += share * intervals[interval];
        return true;
    }

    /// <summary>n^(−1/5): bandwidth over standard deviation; 0 for a sample too small to smooth.</summary>
    internal static double Scott(int n) =>
        n < SmallestSmoothed ? 0
        : n < ScottFactors.Length ? ScottFactors[n]
        : Math.Pow(n, -0.2);

    /// <summary>A sample has no spread when its variance is at most this, relative to its mean squared where that is above 1.</summary>
    internal const double NoVariance = 1e-12;

    private static bool TrySmooth(double[] sample, double[] edges, Span<double> intervals)
    {
        if (sample.Length < SmallestSmoothed)
            return false;
        double mean = sample.Average(),
            variance = sample.Sum(value => (value - mean) * (value - mean)) / (sample.Length - 1);
        if (variance <= NoVariance * Math.Max(1, mean * mean))
            return false;

        double bandwidth = Math.Sqrt(variance) * Scott(sample.Length);
        double total = 0,
            below = Distribution(sample, edges[0], bandwidth);
        for (int interval = 0; interval < intervals.Length; interval++)
        {
            double above = Distribution(sample, edges[interval + 1], bandwidth);
            intervals[interval] = Math.Max(0, above - below);
            total += intervals[interval];
            below = above;
        }

        if (total < 1e-9)
            return false;
        foreach (ref double interval in intervals)
            interval /= total; // the kernel's share outside the intensity's range is redistributed
        return true;
    }

    /// <summary>Share of years in each interval; a degenerate sample is all in one.</summary>
    private static void Count(double[] sample, BinScheme scheme, Span<double> intervals)
    {
        intervals.Clear();
        foreach (double value in sample)
            intervals[scheme.IntervalOf(value)]++;
        foreach (ref double interval in intervals)
            interval /= sample.Length;
    }

    private static double Distribution(double[] sample, double edge, double bandwidth)
    {
        if (double.IsInfinity(edge))
            return edge > 0 ? 1 : 0;
        double sum = 0;
        foreach (double value in sample)
            sum += Normal.Distribution((edge - value) / bandwidth);
        return sum / sample.Length;
    }
}
