namespace Durable.Pipelines.Climate.Probability;

/// <summary>Which years around a target year make up its sample.</summary>
public static class SampleWindow
{
    public const string Rolling30 = "rolling-30",
        FullSeries = "full-series";

    /// <summary>Years before the target year in a rolling window, and years from it on.</summary>
    internal const int Half = 15;

    public static IReadOnlyList<string> Names { get; } = [Rolling30, FullSeries];

    /// <summary>Half-open range of positions in a series of <paramref name="length"/> years: 15 before to 14 after, clipped, or
    /// all.</summary>
    public static (int From, int To) Of(int position, int length, bool rolling) =>
        rolling ? (Math.Max(0, position - Half), Math.Min(length, position + Half)) : (0, length);
}

/// <summary>The samples of every year of a series as target year, with what does not depend on their values.</summary>
/// <remarks>Sums along a series start with <see cref="SampleWindow.Half"/> zeros and end with as many repetitions, so that clipped windows
/// are laid out like the others.</remarks>
internal sealed class SampleWindows
{
    /// <param name="length">Years of the series.</param>
    /// <param name="rolling">False: the whole series is the sample of every target year, and there is one window for all.</param>
    public SampleWindows(int length, bool rolling)
    {
        (Length, IsRolling, Count) = (length, rolling, rolling ? length : 1);
        End = rolling ? 2 * SampleWindow.Half : SampleWindow.Half + length;
        int[] sizes =
        [
            .. Enumerable.Range(0, Count).Select(window => SampleWindow.Of(window, length, rolling)).Select(range => range.To - range.From),
            .. Enumerable.Repeat(1, TargetBins.Lanes),
        ];
        Shares = [.. sizes.Select(n => 1.0 / n)];
        SampleShares = [.. sizes.Select(n => 1.0 / Math.Max(1, n - 1))];
        Spreads = [.. sizes.Select(n => 2 * BinProbability.Scott(n) * BinProbability.Scott(n))];
        Halves = [.. sizes.Select(n => 0.5f / n)];
    }

    public int Length { get; }

    public bool IsRolling { get; }

    public int Count { get; }

    /// <summary>Position of the sums at the end of the first window; those at its start are at 0. The next window's are one
    /// further.</summary>
    public int End { get; }

    /// <summary>1/n.</summary>
    public double[] Shares { get; }

    /// <summary>1/(n − 1).</summary>
    public double[] SampleShares { get; }

    /// <summary>2·(bandwidth/σ)²; 0 when too small to be smoothed.</summary>
    public double[] Spreads { get; }

    /// <summary>1/2n.</summary>
    public float[] Halves { get; }
}
