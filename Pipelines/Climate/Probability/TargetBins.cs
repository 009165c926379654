using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>Bin probabilities of one place and risk for many target years, bin after bin, so that sixteen years are packed at a time. Not
/// thread-safe; used for every cell.</summary>
internal sealed class TargetBins
{
    /// <summary>Years that are worked on at once.</summary>
    public const int Lanes = 16;

    private const int MaxBins = 5,
        MaxTargets = 160 + Lanes;

    private readonly float[] shares = new float[MaxBins * MaxTargets];
    private readonly int[] losses = new int[Lanes],
        firstBins = new int[Lanes],
        nextBins = new int[Lanes];

    /// <summary>Shares of one bin by target year, padded to whole lanes.</summary>
    public Span<float> this[int bin] => shares.AsSpan(bin * MaxTargets, MaxTargets);

    public void Set(int target, ReadOnlySpan<double> probabilities)
    {
        for (int bin = 0; bin < probabilities.Length; bin++)
            this[bin][target] = (float)probabilities[bin];
    }

    /// <summary>Nothing is known about a year: no sample.</summary>
    public void Forget(int target) => this[0][target] = float.NaN;

    /// <summary>Packs <paramref name="count"/> years. The running sum of bins is rounded, so that stored bins sum to 1 exactly; each is off
    /// by at most 0.0001.</summary>
    /// <param name="years"><see cref="PackedYears"/>.</param>
    /// <param name="times">Target years that each of them stands for.</param>
    /// <exception cref="InvalidOperationException">Probabilities outside 0 to 1 or with a sum not within 1e-6 of 1, or a loss outside the
    /// damage rates: the partition must fail.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Pack(BinScheme scheme, int first, int count, Span<byte> years, int times, LossSummary summary)
    {
        for (int from = 0; from < count; from += Lanes)
        {
            int used = Math.Min(Lanes, count - from);
            PackLanes(scheme, first + from, used, times, summary);
            for (int lane = 0; lane < used; lane++)
            {
                PackedYears.Write(years[((from + lane) * PackedYears.Size)..], losses[lane], firstBins[lane], nextBins[lane]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackLanes(BinScheme scheme, int from, int used, int times, LossSummary summary)
    {
        Vector512<float> sum = Vector512<float>.Zero,
            loss = Vector512<float>.Zero,
            least = Vector512<float>.Zero;
        Vector512<int> before = Vector512<int>.Zero,
            first = Vector512<int>.Zero,
            next = Vector512<int>.Zero;
        for (int bin = 0; bin < scheme.Count; bin++)
        {
            Vector512<float> share = Vector512.LoadUnsafe(ref shares[bin * MaxTargets + from]);
            sum += share;
            least = Vector512.Min(least, share);
            loss = Vector512.FusedMultiplyAdd(share, Vector512.Create((float)scheme.DamageRates[bin]), loss);
            if (bin == scheme.Count - 1)
                break;
            Vector512<int> now = Vector512.ConvertToInt32(
                Vector512.FusedMultiplyAdd(
                    Vector512.Min(sum, Vector512<float>.One),
                    Vector512.Create((float)PackedYears.Unit),
                    Vector512.Create(0.5f)
                )
            );
            now = Vector512.Max(now, before);
            Vector512<int> units = now - before << (bin % 2 * PackedYears.BinBits);
            if (bin < 2)
                first |= units;
            else
                next |= units;
            before = now;
        }

        Vector512<float> unknown = Vector512.IsNaN(sum),
            error = Vector512.Abs(sum - Vector512<float>.One);
        Vector512<float> bad =
            Vector512.GreaterThan(error, Vector512.Create(1e-6f))
            | Vector512.LessThan(least, Vector512.Create(-1e-6f))
            | Vector512.LessThan(loss, Vector512.Create((float)scheme.DamageRates[0] - 1e-6f))
            | Vector512.GreaterThan(loss, Vector512.Create((float)scheme.DamageRates[^1] + 1e-6f));
        Vector512<float> counted = Vector512.LessThan(Vector512.CreateSequence(0f, 1f), Vector512.Create((float)used)) & ~unknown;
        if (Vector512.ExtractMostSignificantBits(bad & counted) != 0)
            Refuse(scheme, bad & counted, sum, loss);
        Vector512<int> millionths = Vector512.ConvertToInt32(
            Vector512.FusedMultiplyAdd(loss, Vector512.Create(1e6f), Vector512.Create(0.5f))
        );
        summary.Add(millionths, Vector512.ConditionalSelect(counted, error, Vector512<float>.Zero), counted.AsInt32(), times);
        Vector512.ConditionalSelect(unknown.AsInt32(), Vector512.Create(PackedYears.Unknown), millionths).StoreUnsafe(ref losses[0]);
        (first & ~unknown.AsInt32()).StoreUnsafe(ref firstBins[0]);
        (next & ~unknown.AsInt32()).StoreUnsafe(ref nextBins[0]);
    }

    private static void Refuse(BinScheme scheme, Vector512<float> bad, Vector512<float> sum, Vector512<float> loss)
    {
        int lane = System.Numerics.BitOperations.TrailingZeroCount(Vector512.ExtractMostSignificantBits(bad));
        throw new InvalidOperationException(
            FormattableString.Invariant(
                $"Bin probabilities of 0 to 1 that sum to {sum[lane]:R}, annual loss {loss[lane]:R}: expected a sum of 1 and a loss of {scheme.DamageRates[0]} to {scheme.DamageRates[^1]}."
            )
        );
    }
}

/// <summary>Input of a partition's gates. Losses are in millionths.</summary>
internal sealed class LossSummary
{
    private Vector512<int> smallest = Vector512.Create(int.MaxValue),
        largest = Vector512<int>.Zero;
    private Vector512<float> sumErrors = Vector512<float>.Zero;

    /// <summary>Of the known losses; so are the others.</summary>
    public int Smallest => Lanes(smallest).Min();

    public int Largest => Lanes(largest).Max();

    public long Sum { get; private set; }

    public long Known { get; private set; }

    /// <summary>Largest |Σp − 1| of all bins, before they were rounded for storage.</summary>
    public float LargestSumError => Lanes(sumErrors).Max();

    /// <param name="counted">All ones in the lanes that count.</param>
    /// <param name="times">Target years that each lane stands for.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(Vector512<int> losses, Vector512<float> errors, Vector512<int> counted, int times)
    {
        smallest = Vector512.ConditionalSelect(counted, Vector512.Min(smallest, losses), smallest);
        largest = Vector512.ConditionalSelect(counted, Vector512.Max(largest, losses), largest);
        sumErrors = Vector512.Max(sumErrors, errors);
        Sum += (long)Vector512.Sum(losses & counted) * times; // sixteen times 450,000 at most
        Known -= (long)Vector512.Sum(counted) * times; // all ones are −1
    }

    private static IEnumerable<T> Lanes<T>(Vector512<T> vector) => Enumerable.Range(0, Vector512<T>.Count).Select(lane => vector[lane]);
}
