using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>Bins of an intensity and the damage rate of each.</summary>
/// <param name="Edges">Ascending; the outer two may be infinite. One more than there are bins over the continuous part.</param>
/// <param name="DamageRates">Share of value lost in a year that falls into the bin, in the order in which results are stored.</param>
/// <param name="ZeroBin">True: a separate bin, stored first, holds exact zeros ("nothing happened"), and the edges cover the rest.</param>
/// <param name="RightClosed">(a, b] instead of [a, b). Matters only for values on an edge.</param>
/// <param name="Descending">True: results list the highest bin first.</param>
public sealed record BinScheme(
    double[] Edges,
    double[] DamageRates,
    bool ZeroBin = false,
    bool RightClosed = false,
    bool Descending = false
)
{
    /// <summary>Number of bins, the zero bin included.</summary>
    public int Count => DamageRates.Length;

    /// <summary>Bins over the continuous part.</summary>
    internal int Intervals => Edges.Length - 1;

    /// <summary>Where results of continuous bin <paramref name="interval"/> are stored.</summary>
    internal int Slot(int interval) => (Descending ? Intervals - 1 - interval : interval) + (ZeroBin ? 1 : 0);

    /// <summary>Interval of a value; a value outside all of them goes to the nearest.</summary>
    /// <remarks>When all inner edges coincide (a baseline without any spread), a value equal to them counts as ordinary, not extreme: it is
    /// in the lowest bin.</remarks>
    internal int IntervalOf(double value)
    {
        bool noSpread = Intervals > 2 && Edges[1] == Edges[^2];
        int interval = 0;
        while (interval < Intervals - 1 && IsBeyond(value, Edges[interval + 1], RightClosed || noSpread))
            interval++;
        return interval;
    }

    // A value within stored precision of an edge is on it: ground of 0.6 m under 0.9 m of water is 0.3 m deep, not 0.29999998.
    private static bool IsBeyond(double value, double edge, bool closed)
    {
        double tolerance = 1e-6 * Math.Max(1, Math.Abs(edge));
        return closed ? value > edge + tolerance : value >= edge - tolerance;
    }
}

/// <summary>Bins and damage rates of the nine risks.</summary>
public static class BinSchemes
{
    private const double Infinite = double.PositiveInfinity;

    private static readonly double[] HeatRates = [0.001, 0.003, 0.010, 0.020, 0.035],
        ColdRates = [0.0005, 0.0020, 0.0060, 0.0150, 0.0250],
        RiverRates = [0, 0.02, 0.08, 0.20];

    /// <summary>Lowest SPEI-12 of the year. Stored mild to extreme.</summary>
    public static BinScheme Drought { get; } =
        new([-Infinite, -2, -1.5, -1, Infinite], [0, 0.02, 0.07, 0.20], RightClosed: true, Descending: true);

    /// <summary>Days of 80 mm or more.</summary>
    public static BinScheme UrbanFlood { get; } = new([0, 1, 3, 5, 8, Infinite], [0, 0.03, 0.10, 0.25, 0.45]);

    /// <summary>Depth of flooding in m.</summary>
    public static BinScheme SeaLevelRise { get; } = new([0, 0.3, 1.0, Infinite], [0, 0.02, 0.15, 0.35], ZeroBin: true);

    /// <summary>Typhoon index S_tc.</summary>
    public static BinScheme Typhoon { get; } = new([0, 5, 15, Infinite], [0, 0.02, 0.10, 0.30], ZeroBin: true, RightClosed: true);

    /// <summary>Fire weather index.</summary>
    public static BinScheme Wildfire { get; } = new([0, 11.2, 21.3, 38, 50, Infinite], [0, 0.01, 0.03, 0.10, 0.25]);

    /// <summary>Withdrawal over usable water.</summary>
    public static BinScheme WaterStress { get; } = new([0, 0.2, 0.4, 0.8, Infinite], [0.01, 0.03, 0.07, 0.15]);

    /// <summary>Warm-spell days against the 80th, 90th, 95th and 99th percentile of the baseline.</summary>
    public static BinScheme ExtremeHeat(ReadOnlySpan<double> baseline) => Quantiles(baseline, [80, 90, 95, 99], [3, 8, 15, 25], HeatRates);

    /// <summary>Cold-spell days against the same percentiles.</summary>
    public static BinScheme ExtremeCold(ReadOnlySpan<double> baseline) => Quantiles(baseline, [80, 90, 95, 99], [5, 10, 15, 25], ColdRates);

    /// <summary>RX1DAY (mm) against the 80th, 95th and 99th percentile.</summary>
    /// <remarks>Also with fewer than 10 baseline years the sample's own percentiles are used: no defaults are published for rain.</remarks>
    public static BinScheme RiverFlood(ReadOnlySpan<double> baseline) => Quantiles(baseline, [80, 95, 99], [], RiverRates);

    /// <summary>Largest possible annual loss: the last bin of urban flood.</summary>
    public static double LargestDamageRate => UrbanFlood.DamageRates[^1];

    /// <summary>Number of bins of a risk, as results store them.</summary>
    public static int Count(Risk risk) => risk is Risk.ExtremeHeat or Risk.ExtremeCold or Risk.Wildfire or Risk.UrbanFlood ? 5 : 4;

    private static BinScheme Quantiles(
        ReadOnlySpan<double> baseline,
        ReadOnlySpan<double> percents,
        ReadOnlySpan<double> defaults,
        double[] rates
    )
    {
        double[] sorted = baseline.ToArray(),
            edges = new double[percents.Length + 2];
        Array.Sort(sorted);
        edges[^1] = Infinite;
        for (int edge = 0; edge < percents.Length; edge++)
        {
            edges[edge + 1] = sorted.Length < 10 && !defaults.IsEmpty ? defaults[edge] : Percentile(sorted, percents[edge]);
        }

        return new BinScheme(edges, rates);
    }

    /// <summary>Linear interpolation between order statistics: position (n − 1)·percent/100.</summary>
    internal static double Percentile(ReadOnlySpan<double> sorted, double percent)
    {
        if (sorted.IsEmpty)
            return double.NaN;
        double position = (sorted.Length - 1) * percent / 100;
        int below = (int)position;
        return below + 1 < sorted.Length ? sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]) : sorted[^1];
    }
}
