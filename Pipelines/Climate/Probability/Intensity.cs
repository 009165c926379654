using System.Runtime.Intrinsics;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>Yearly intensities that are not simply an input column.</summary>
public static class Intensity
{
    /// <summary>Share of renewable water that can be used sustainably.</summary>
    private const double UsableShare = 0.63;

    /// <summary>The published batch's default for a place without a known basin: 10⁹ m³ taken from 10¹⁰ m³, WSI 0.1587.</summary>
    public const double DefaultWaterStress = 1e9 / (1e10 * UsableShare);

    /// <summary>Fire weather index from annual means; FWI = √(1 − rh/100)·e^(0.05039·w·3.6)·e^(0.08(t − 5))·e^(−0.0005·rain/12)·5. Eight
    /// years at a time.</summary>
    /// <param name="temperature">°C by year, default 15.</param>
    /// <param name="humidity">%, default 65; above 100 counts as 100.</param>
    /// <param name="wind">m/s, default 3.5.</param>
    /// <param name="annualRain">mm, default 1200.</param>
    /// <param name="index">As long as the series.</param>
    /// <returns>True when any value was a default.</returns>
    public static bool FireWeather(
        ReadOnlySpan<float> temperature,
        ReadOnlySpan<float> humidity,
        ReadOnlySpan<float> wind,
        ReadOnlySpan<float> annualRain,
        Span<double> index
    )
    {
        bool usedFallback = false;
        Span<double> eight = stackalloc double[Vector512<double>.Count];
        for (int year = 0; year < index.Length; year += eight.Length)
        {
            Vector512<double> t = Or(temperature[year..], 15, ref usedFallback),
                rh = Or(humidity[year..], 65, ref usedFallback);
            Vector512<double> w = Or(wind[year..], 3.5, ref usedFallback),
                rain = Or(annualRain[year..], 1200, ref usedFallback);
            Vector512<double> dryness = Vector512.Sqrt(Vector512.Max(Vector512<double>.Zero, Vector512<double>.One - rh / 100));
            (dryness * Vector512.Exp(w * (0.05039 * 3.6) + (t - Vector512.Create(5.0)) * 0.08 - rain * (0.0005 / 12)) * 5).CopyTo(eight);
            eight[..Math.Min(eight.Length, index.Length - year)].CopyTo(index[year..]);
        }

        return usedFallback;
    }

    /// <summary>Depth of water over the ground in m, never below 0.</summary>
    /// <param name="ground">m above the sea; unknown counts as 0.</param>
    public static double Inundation(double riseCentimetres, double ground) =>
        Math.Max(riseCentimetres / 100 - (double.IsNaN(ground) ? 0 : ground), 0);

    /// <summary>Withdrawal over usable renewable water, which scales with the year's rain relative to the baseline.</summary>
    public static double WaterStress(double withdrawal, double renewable, double annualRain, double baselineRain)
    {
        double scale = baselineRain > 0 && !double.IsNaN(annualRain) ? Math.Max(annualRain, 1) / baselineRain : 1;
        return withdrawal / (renewable * scale * UsableShare);
    }

    /// <summary>The first eight values, or as many as there are and the first of them for the rest.</summary>
    private static Vector512<double> Or(ReadOnlySpan<float> values, double fallback, ref bool usedFallback)
    {
        Span<float> eight = stackalloc float[Vector512<double>.Count];
        eight.Fill(values[0]);
        values[..Math.Min(eight.Length, values.Length)].CopyTo(eight);
        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(Vector256.Create<float>(eight));
        Vector512<double> value = Vector512.Create(lower, upper),
            missing = Vector512.IsNaN(value);
        usedFallback |= Vector512.ExtractMostSignificantBits(missing) != 0;
        return Vector512.ConditionalSelect(missing, Vector512.Create(fallback), value);
    }
}
