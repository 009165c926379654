namespace Durable.Pipelines.Climate.Hazards;

/// <summary>
/// Values in their stated precision. Columns hold 32-bit floats, in which 0.6 is 0.60000002: in double precision that is above a threshold
/// of 0.6, and the formula would take the wrong branch.
/// </summary>
internal static class Stated
{
    private static readonly double[] Powers = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

    /// <summary>The decimal with the fewest places, at most six, that is stored as <paramref name="stored"/>; the stored value itself when
    /// there is none.</summary>
    public static double Of(float stored)
    {
        foreach (double power in Powers)
        {
            double decimals = Math.Round(stored * power) / power;
            if ((float)decimals == stored)
                return decimals;
        }

        return stored; // also NaN and infinities
    }

    /// <summary>A ratio of stated values, without rounding errors of the division: 1.4999999999999998 becomes 1.5.</summary>
    public static double Ratio(double value) => Math.Round(value, 9);
}
