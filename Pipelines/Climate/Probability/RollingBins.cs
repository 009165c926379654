using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>
/// Bin probabilities of one place and risk for many windows of the same series: <see cref="BinProbability"/> in single precision. Agrees
/// with it to 1e-5 (bins are stored to 1e-4). Not thread-safe; one per worker, used for every cell.
/// </summary>
/// <remarks>
/// The share of a window below an edge is ½ + Σ erf((edge − x)·u) / 2n, u = 1/(bandwidth·√2). Every window has its own u, so windows could
/// share nothing. But erf(d·u) is smooth in ln u: its values at a few Chebyshev nodes, summed once along the series, give any window's sum
/// as a difference, interpolated to the window's u. 80 windows of 30 years then cost 80 times 8 values of erf per edge, not 80 times 30.
/// </remarks>
internal sealed class RollingBins
{
    private const int Lanes = TargetBins.Lanes,
        Pad = SampleWindow.Half,
        MaxYears = 160,
        MaxEdges = 8,
        MaxNodes = 16,
        VectorStride = (Pad + MaxYears + 4 + Pad) * Lanes;

    // Interpolating erf over a ratio of scales is off by at most 5e-7 for any single year: 8 nodes up to 2, 16 nodes up to 6.5.
    private static readonly Nodes Few = new(8, MathF.Log(2)),
        Many = new(16, MathF.Log(6.5f));

    // With a smaller total, single precision is too coarse for the division.
    private const float SmallestTotal = 0.25f;

    private readonly double[] sums = new double[Pad + MaxYears + 1 + Pad + Lanes],
        squares = new double[Pad + MaxYears + 1 + Pad + Lanes];
    private readonly float[] spreads = new float[MaxYears],
        logScales = new float[MaxYears];
    private readonly double[] edges = new double[MaxEdges];
    private readonly float[] distances = new float[(MaxYears + 4) * Lanes],
        scales = new float[Lanes],
        lanes = new float[Lanes],
        weights = new float[MaxNodes * MaxYears];
    private readonly float[] running = GC.AllocateArray<float>(MaxNodes * MaxEdges / Lanes * VectorStride + Lanes, pinned: true);
    private readonly float[] sumsByTarget = new float[MaxYears * MaxEdges],
        below = new float[MaxEdges * MaxYears],
        totals = new float[MaxYears];
    private readonly int origin; // of running, where a cache line begins: most of its vectors would lie in two otherwise
    private SampleWindows windows = new(0, rolling: true);

    public RollingBins() => origin = (int)(-Marshal.UnsafeAddrOfPinnedArrayElement(running, 0) & 63) / sizeof(float);

    /// <summary>Longest series.</summary>
    public const int Longest = MaxYears;

    /// <param name="series">Values of consecutive years, none missing, no zero bin to split off.</param>
    /// <param name="rolling">False: the whole series is the sample of every target year.</param>
    /// <returns>Years in <paramref name="result"/>: every year of the series, or one for all. Never fewer, so that a year's result does not
    /// depend on which years are requested.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Estimate(ReadOnlySpan<double> series, BinScheme scheme, bool rolling, TargetBins result)
    {
        if (windows.Length != series.Length || windows.IsRolling != rolling)
            windows = new SampleWindows(series.Length, rolling);
        int finite = Measure(series, scheme);
        (float lowest, float highest) = Scale(Sum(series));
        float low = lowest;
        while (low <= highest)
        {
            Nodes nodes = highest - low <= Few.Span ? Few : Many;
            float high = Math.Min(highest, low + nodes.Span);
            Accumulate(nodes, low, high, finite, series.Length);
            Interpolate(nodes, low, high, finite);
            low = MathF.BitIncrement(high);
        }

        Share(scheme, finite, result);
        for (int window = 0; window < windows.Count; window++)
        {
            if (spreads[window] == 0 || !(totals[window] >= SmallestTotal))
                Define(series, window, scheme, result);
        }

        return windows.Count;
    }

    /// <summary>A degenerate sample, or one mostly outside the bins: computed by the definition.</summary>
    private void Define(ReadOnlySpan<double> series, int window, BinScheme scheme, TargetBins result)
    {
        (int from, int to) = SampleWindow.Of(window, series.Length, windows.IsRolling);
        Span<double> bins = stackalloc double[scheme.Count];
        BinProbability.TryEstimate(series[from..to], scheme, bins);
        result.Set(window, bins);
    }

    /// <summary>Distance of each year from each edge, over the lanes.</summary>
    /// <returns>Finite edges.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Measure(ReadOnlySpan<double> series, BinScheme scheme)
    {
        int finite = 0;
        foreach (double edge in scheme.Edges)
        {
            if (!double.IsInfinity(edge))
                edges[finite++] = edge;
        }

        for (int lane = finite; lane < MaxEdges; lane++)
            edges[lane] = edges[Math.Min(finite - 1, lane % EdgesInVector(finite))]; // lanes without an edge repeat one
        Vector512<double> edgesByLane = Vector512.LoadUnsafe(ref edges[0]);
        for (int year = 0; year < series.Length; year += 2)
        {
            double next = series[Math.Min(year + 1, series.Length - 1)];
            Vector512<float> pair = Vector512.Narrow(edgesByLane - Vector512.Create(series[year]), edgesByLane - Vector512.Create(next));
            Vector512.Create(pair.GetLower(), pair.GetLower()).StoreUnsafe(ref distances[year * Lanes]);
            Vector512.Create(pair.GetUpper(), pair.GetUpper()).StoreUnsafe(ref distances[(year + 1) * Lanes]);
        }

        distances.AsSpan(series.Length * Lanes, 4 * Lanes).Clear(); // else leftovers share divisions with the last years
        return finite;
    }

    /// <summary>Sums of values and squares from the start of the series to each year.</summary>
    /// <returns>The offset subtracted from the values to keep them small: a variance here is a difference of sums.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double Sum(ReadOnlySpan<double> series)
    {
        double shift = series[0],
            sum = 0,
            square = 0;
        for (int year = 0; year < series.Length; year++)
        {
            double value = series[year] - shift;
            sums[Pad + year + 1] = sum += value;
            squares[Pad + year + 1] = square += value * value;
        }

        sums.AsSpan(Pad + series.Length + 1, Pad).Fill(sum);
        squares.AsSpan(Pad + series.Length + 1, Pad).Fill(square);
        return shift;
    }

    /// <summary>ln u of each window; a degenerate one has no spread, and an infinite u.</summary>
    /// <returns>Their range; empty when all are degenerate.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private (float Lowest, float Highest) Scale(double shift)
    {
        Vector512<float> lowest = Vector512.Create(float.PositiveInfinity),
            highest = Vector512.Create(float.NegativeInfinity);
        for (int from = 0; from < windows.Count; from += Lanes)
        {
            Vector512<float> spread = Vector512.Narrow(Spread(from, shift), Spread(from + Lanes / 2, shift));
            Vector512<float> logScale = Vector512.Log(spread) * -0.5f;
            spread.StoreUnsafe(ref spreads[from]);
            logScale.StoreUnsafe(ref logScales[from]);
            Vector512<float> counted =
                Vector512.LessThan(Vector512.CreateSequence(from, 1f), Vector512.Create((float)windows.Count))
                & Vector512.LessThan(logScale, Vector512.Create(float.PositiveInfinity));
            lowest = Vector512.ConditionalSelect(counted, Vector512.Min(lowest, logScale), lowest);
            highest = Vector512.ConditionalSelect(counted, Vector512.Max(highest, logScale), highest);
        }

        float low = float.PositiveInfinity,
            high = float.NegativeInfinity;
        for (int lane = 0; lane < Lanes; lane++)
            (low, high) = (Math.Min(low, lowest[lane]), Math.Max(high, highest[lane]));
        return (low, high);
    }

    /// <summary>2·bandwidth² of eight windows; 0 for a degenerate one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<double> Spread(int from, double shift)
    {
        Vector512<double> sum = Vector512.LoadUnsafe(ref sums[windows.End + from]) - Vector512.LoadUnsafe(ref sums[from]);
        Vector512<double> square = Vector512.LoadUnsafe(ref squares[windows.End + from]) - Vector512.LoadUnsafe(ref squares[from]);
        Vector512<double> mean = sum * Vector512.LoadUnsafe(ref windows.Shares[from]),
            level = mean + Vector512.Create(shift);
        Vector512<double> variance =
            Vector512.Max(Vector512<double>.Zero, square - sum * mean) * Vector512.LoadUnsafe(ref windows.SampleShares[from]);
        Vector512<double> degenerate = Vector512.LessThanOrEqual(
            variance,
            BinProbability.NoVariance * Vector512.Max(Vector512<double>.One, level * level)
        );
        return Vector512.ConditionalSelect(degenerate, Vector512<double>.Zero, variance * Vector512.LoadUnsafe(ref windows.Spreads[from]));
    }

    /// <summary>Σ erf((edge − value)·scale) from the start of the series to each year. One lane per edge and node, so that windows need no
    /// sum across lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Accumulate(Nodes nodes, float low, float high, int finite, int length)
    {
        int edgesInVector = EdgesInVector(finite);
        nodes.Scales(low, high).StoreUnsafe(ref scales[0]);
        for (int vector = 0; vector < nodes.Count * edgesInVector / Lanes; vector++)
        {
            for (int lane = 0; lane < Lanes; lane++)
                lanes[lane] = scales[(vector * Lanes + lane) / edgesInVector];
            Vector512<float> scale = Vector512.LoadUnsafe(ref lanes[0]),
                sum = Vector512<float>.Zero;
            ref float distance = ref distances[0];
            ref float at = ref running[origin + vector * VectorStride + (Pad + 1) * Lanes];
            for (int year = 0; year < length; year += 4) // four share one division
            {
                (Vector512<float> top0, Vector512<float> bottom0) = Normal.ErfRatio(Vector512.LoadUnsafe(ref distance) * scale);
                (Vector512<float> top1, Vector512<float> bottom1) = Normal.ErfRatio(Vector512.LoadUnsafe(ref distance, 1 * Lanes) * scale);
                (Vector512<float> top2, Vector512<float> bottom2) = Normal.ErfRatio(Vector512.LoadUnsafe(ref distance, 2 * Lanes) * scale);
                (Vector512<float> top3, Vector512<float> bottom3) = Normal.ErfRatio(Vector512.LoadUnsafe(ref distance, 3 * Lanes) * scale);
                Vector512<float> first = bottom0 * bottom1,
                    second = bottom2 * bottom3,
                    inverse = Vector512<float>.One / (first * second);
                (first, second) = (inverse * second, inverse * first);
                sum = Vector512.FusedMultiplyAdd(top0 * bottom1, first, sum);
                sum.StoreUnsafe(ref at, (nuint)(year * Lanes));
                sum = Vector512.FusedMultiplyAdd(top1 * bottom0, first, sum);
                sum.StoreUnsafe(ref at, (nuint)((year + 1) * Lanes));
                sum = Vector512.FusedMultiplyAdd(top2 * bottom3, second, sum);
                sum.StoreUnsafe(ref at, (nuint)((year + 2) * Lanes));
                sum = Vector512.FusedMultiplyAdd(top3 * bottom2, second, sum);
                sum.StoreUnsafe(ref at, (nuint)((year + 3) * Lanes));
                distance = ref Unsafe.Add(ref distance, 4 * Lanes);
            }

            sum = Vector512.LoadUnsafe(ref at, (nuint)((length - 1) * Lanes)); // what lies beyond is no year
            for (int year = length; year < length + Pad; year++)
                sum.StoreUnsafe(ref at, (nuint)(year * Lanes));
        }
    }

    /// <summary>Σ erf over each window whose scale lies in the range of the nodes, at its own scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Interpolate(Nodes nodes, float low, float high, int finite)
    {
        nodes.Weigh(logScales, low, high, windows.Count, weights);
        int edgesInVector = EdgesInVector(finite),
            vectors = nodes.Count * edgesInVector / Lanes;
        ref float before = ref running[origin],
            until = ref running[origin + windows.End * Lanes],
            weight = ref weights[0],
            sum = ref sumsByTarget[0];
        foreach (float logScale in logScales.AsSpan(0, windows.Count))
        {
            if (logScale >= low && logScale <= high)
            {
                if (edgesInVector == MaxEdges)
                    Sum8(ref until, ref before, ref weight, vectors).StoreUnsafe(ref sum);
                else
                    Sum4(ref until, ref before, ref weight, vectors).StoreUnsafe(ref sum);
            }

            before = ref Unsafe.Add(ref before, Lanes);
            until = ref Unsafe.Add(ref until, Lanes);
            weight = ref Unsafe.Add(ref weight, 1);
            sum = ref Unsafe.Add(ref sum, MaxEdges);
        }
    }

    /// <summary>Eight edges: a half of the lanes for each of two nodes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Sum8(ref float until, ref float before, ref float weight, int vectors)
    {
        Vector512<float> sum = Vector512<float>.Zero;
        for (int vector = 0; vector < vectors; vector++)
        {
            Vector512<float> spread = Vector512.Create(Vector256.Create(weight), Vector256.Create(Unsafe.Add(ref weight, MaxYears)));
            sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref until) - Vector512.LoadUnsafe(ref before), spread, sum);
            until = ref Unsafe.Add(ref until, VectorStride);
            before = ref Unsafe.Add(ref before, VectorStride);
            weight = ref Unsafe.Add(ref weight, 2 * MaxYears);
        }

        return sum.GetLower() + sum.GetUpper();
    }

    /// <summary>Four edges: a quarter of the lanes for each of four nodes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sum4(ref float until, ref float before, ref float weight, int vectors)
    {
        Vector512<float> sum = Vector512<float>.Zero;
        for (int vector = 0; vector < vectors; vector++)
        {
            Vector512<float> spread = Vector512.Create(
                Vector256.Create(Vector128.Create(weight), Vector128.Create(Unsafe.Add(ref weight, MaxYears))),
                Vector256.Create(
                    Vector128.Create(Unsafe.Add(ref weight, 2 * MaxYears)),
                    Vector128.Create(Unsafe.Add(ref weight, 3 * MaxYears))
                )
            );
            sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref until) - Vector512.LoadUnsafe(ref before), spread, sum);
            until = ref Unsafe.Add(ref until, VectorStride);
            before = ref Unsafe.Add(ref before, VectorStride);
            weight = ref Unsafe.Add(ref weight, 4 * MaxYears);
        }

        Vector256<float> folded = sum.GetLower() + sum.GetUpper();
        return folded.GetLower() + folded.GetUpper();
    }

    private static int EdgesInVector(int finite) => finite <= MaxEdges / 2 ? MaxEdges / 2 : MaxEdges;

    /// <summary>Shares between the edges, normalised: the kernels' share outside the intensity's range is redistributed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Share(BinScheme scheme, int finiteEdges, TargetBins result)
    {
        for (int edge = 0; edge < finiteEdges; edge++)
        {
            ref float sum = ref sumsByTarget[edge],
                byEdge = ref below[edge * MaxYears];
            for (int target = 0; target < windows.Count; target++)
                Unsafe.Add(ref byEdge, target) = Unsafe.Add(ref sum, target * MaxEdges);
        }

        for (int from = 0; from < windows.Count; from += Lanes)
        {
            Vector512<float> total = Vector512<float>.Zero,
                last = Vector512<float>.Zero,
                half = Vector512.LoadUnsafe(ref windows.Halves[from]);
            for (int edge = 0, finite = 0; edge < scheme.Edges.Length; edge++)
            {
                double at = scheme.Edges[edge];
                Vector512<float> now = double.IsInfinity(at)
                    ? at > 0
                        ? Vector512<float>.One
                        : Vector512<float>.Zero
                    : Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref below[finite++ * MaxYears + from]), half, Vector512.Create(0.5f));
                if (edge > 0)
                {
                    Vector512<float> share = Vector512.Max(now - last, Vector512<float>.Zero);
                    share.StoreUnsafe(ref result[scheme.Slot(edge - 1)][from]);
                    total += share;
                }

                last = now;
            }

            total.StoreUnsafe(ref totals[from]);
            Vector512<float> inverse = Vector512<float>.One / total;
            for (int bin = 0; bin < scheme.Count; bin++)
            {
                (Vector512.LoadUnsafe(ref result[bin][from]) * inverse).StoreUnsafe(ref result[bin][from]);
            }
        }
    }

    /// <summary>Interpolation between Chebyshev nodes: the polynomial is written in Chebyshev polynomials, so a weight is a sum of
    /// products.</summary>
    private sealed class Nodes
    {
        private readonly float[] positions = new float[MaxNodes];
        private readonly float[] factors; // by node, then degree

        public Nodes(int count, float span)
        {
            (Count, Span) = (count, span);
            double Angle(int node) => (2 * node + 1) * Math.PI / (2 * count);
            for (int node = 0; node < MaxNodes; node++)
                positions[node] = (float)Math.Cos(Angle(node % count));
            factors =
            [
                .. from node in Enumerable.Range(0, count)
                from degree in Enumerable.Range(0, count)
                select (float)((degree == 0 ? 1.0 : 2.0) / count * Math.Cos(degree * Angle(node))),
            ];
        }

        public int Count { get; }

        /// <summary>Largest ln(scale) − ln(scale) that they bridge.</summary>
        public float Span { get; }

        public Vector512<float> Scales(float low, float high) =>
            Vector512.Exp(
                Vector512.FusedMultiplyAdd(
                    Vector512.LoadUnsafe(ref positions[0]),
                    Vector512.Create(Half(low, high)),
                    Vector512.Create((low + high) / 2)
                )
            );

        /// <summary>Weights by node and target.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Weigh(float[] logScales, float low, float high, int targets, float[] weights)
        {
            Span<Vector512<float>> polynomials = stackalloc Vector512<float>[Count];
            polynomials[0] = Vector512<float>.One;
            for (int from = 0; from < targets; from += Lanes)
            {
                polynomials[1] = (Vector512.LoadUnsafe(ref logScales[from]) - Vector512.Create((low + high) / 2)) * (1 / Half(low, high));
                for (int degree = 2; degree < polynomials.Length; degree++)
                {
                    polynomials[degree] = (polynomials[1] + polynomials[1]) * polynomials[degree - 1] - polynomials[degree - 2];
                }

                ref float factor = ref factors[0];
                for (int node = 0; node < Count / 2; node++)
                {
                    Vector512<float> even = Vector512<float>.Zero,
                        odd = Vector512<float>.Zero; // parts of the polynomial
                    for (int degree = 0; degree < polynomials.Length; degree += 2)
                    {
                        even = Vector512.FusedMultiplyAdd(polynomials[degree], Vector512.Create(factor), even);
                        odd = Vector512.FusedMultiplyAdd(polynomials[degree + 1], Vector512.Create(Unsafe.Add(ref factor, 1)), odd);
                        factor = ref Unsafe.Add(ref factor, 2);
                    }

                    (even + odd).StoreUnsafe(ref weights[node * MaxYears + from]);
                    (even - odd).StoreUnsafe(ref weights[(Count - 1 - node) * MaxYears + from]); // the node opposite
                }
            }
        }

        private static float Half(float low, float high) => Math.Max((high - low) / 2, 1e-3f);
    }
}
