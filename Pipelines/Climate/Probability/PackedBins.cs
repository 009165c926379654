namespace Durable.Pipelines.Climate.Probability;

/// <summary>Bin probabilities as stored: ten-thousandths, 14 bits each, the last bin being the rest. <c>climate.bin_probabilities</c> unpacks them.</summary>
public static class PackedBins
{
    public const int Unit = 10_000;

    private const int Bits = 14;

    /// <summary>Packs 4 or 5 probabilities. Their running sum is what is rounded, so that the stored ones sum to 1 exactly; each is off by at most 0.0001.</summary>
    /// <exception cref="InvalidOperationException">They do not sum to 1 within 1e-6, or one lies outside 0 to 1: the partition must fail.</exception>
    public static long Pack(ReadOnlySpan<double> probabilities)
    {
        long packed = 0;
        int before = 0;
        double sum = 0;
        for (int bin = 0; bin < probabilities.Length; bin++)
        {
            double p = probabilities[bin];
            if (!(p is >= -1e-9 and <= 1 + 1e-6)) throw new InvalidOperationException($"Bin {bin} has probability {p}.");
            sum += p;
            int now = Math.Max(before, (int)(Math.Min(sum, 1) * Unit + 0.5));
            if (bin < probabilities.Length - 1) packed |= (long)(now - before) << Bits * bin;
            before = now;
        }

        return Math.Abs(sum - 1) <= 1e-6 ? packed : throw new InvalidOperationException($"Bin probabilities sum to {sum}, not to 1.");
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
}
