namespace Durable.Pipelines.Climate.Probability;

/// <summary>Bin probabilities as stored: ten-thousandths, 14 bits each, the last bin being the rest. <c>climate.bin_probabilities</c> unpacks them.</summary>
public static class PackedBins
{
    public const int Unit = 10_000;

    private const int Bits = 14;

    /// <summary>Packs 4 or 5 probabilities. Largest remainders round up, so that the stored ones sum to 1 exactly; each is off by less than 0.0001.</summary>
    /// <exception cref="InvalidOperationException">They do not sum to 1 within 1e-6, or one lies outside 0 to 1: the partition must fail.</exception>
    public static long Pack(ReadOnlySpan<double> probabilities)
    {
        Span<int> units = stackalloc int[5];
        Span<double> remainders = stackalloc double[5];
        int bins = probabilities.Length, left = Unit;
        double sum = 0;
        for (int bin = 0; bin < bins; bin++)
        {
            double p = probabilities[bin];
            if (!(p is >= -1e-9 and <= 1 + 1e-6)) throw new InvalidOperationException($"Bin {bin} has probability {p}.");
            sum += p;
            units[bin] = (int)(p * Unit);
            remainders[bin] = p * Unit - units[bin];
            left -= units[bin];
        }

        if (!(Math.Abs(sum - 1) <= 1e-6)) throw new InvalidOperationException($"Bin probabilities sum to {sum}, not to 1.");
        for (; left != 0; left -= Math.Sign(left))
        {
            // A sum a hair above 1 leaves one too many: the smallest remainder gives it back, from a bin that has something to give.
            int bin = Extreme(units[..bins], remainders, largest: left > 0);
            units[bin] += Math.Sign(left);
            remainders[bin] -= Math.Sign(left);
        }

        long packed = 0;
        for (int bin = 0; bin < bins - 1; bin++) packed |= (long)units[bin] << Bits * bin;
        return packed;
    }

    /// <summary>The probabilities as stored.</summary>
    public static double[] Unpack(long packed, int bins)
    {
        double[] probabilities = new double[bins];
        int rest = Unit;
        for (int bin = 0; bin < bins - 1; bin++)
        {
            int units = (int)(packed >> Bits * bin & (1 << Bits) - 1);
            probabilities[bin] = units / (double)Unit;
            rest -= units;
        }

        probabilities[^1] = rest / (double)Unit;
        return probabilities;
    }

    private static int Extreme(ReadOnlySpan<int> units, ReadOnlySpan<double> remainders, bool largest)
    {
        int found = -1;
        for (int bin = 0; bin < units.Length; bin++)
        {
            if (!largest && units[bin] == 0) continue;
            if (found < 0 || (largest ? remainders[bin] > remainders[found] : remainders[bin] < remainders[found])) found = bin;
        }

        return found;
    }
}
