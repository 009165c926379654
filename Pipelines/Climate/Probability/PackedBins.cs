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
        Span<int> units = stackalloc int[probabilities.Length];
        double sum = 0;
        int left = Unit;
        for (int bin = 0; bin < units.Length; bin++)
        {
            double p = probabilities[bin];
            if (!(p is >= -1e-9 and <= 1 + 1e-6)) throw new InvalidOperationException($"Bin {bin} has probability {p}.");
            sum += p;
            units[bin] = (int)(p * Unit);
            left -= units[bin];
        }

        if (!(Math.Abs(sum - 1) <= 1e-6)) throw new InvalidOperationException($"Bin probabilities sum to {sum}, not to 1.");
        for (; left > 0; left--) units[LargestRemainder(probabilities, units)]++;
        for (; left < 0; left++) units[units.IndexOf(Max(units))]--;

        long packed = 0;
        for (int bin = 0; bin < units.Length - 1; bin++) packed |= (long)units[bin] << Bits * bin;
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

    private static int LargestRemainder(ReadOnlySpan<double> probabilities, ReadOnlySpan<int> units)
    {
        int largest = 0;
        for (int bin = 1; bin < units.Length; bin++)
        {
            if (probabilities[bin] * Unit - units[bin] > probabilities[largest] * Unit - units[largest]) largest = bin;
        }

        return largest;
    }

    private static int Max(ReadOnlySpan<int> units)
    {
        int max = units[0];
        foreach (int unit in units) max = Math.Max(max, unit);
        return max;
    }
}
