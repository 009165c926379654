using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>The normal distribution function, once exactly and once sixteen at a time.</summary>
public static class Normal
{
    /// <summary>Φ(z), to about 1e-15.</summary>
    public static double Distribution(double z) => 0.5 * Erfc(-z / Math.Sqrt(2));

    /// <summary>1 − erf(x): the Taylor series near 0, Laplace's continued fraction further out.</summary>
    internal static double Erfc(double x)
    {
        if (x < 0)
            return 2 - Erfc(-x);
        if (x > 27)
            return 0;
        if (x < 2)
        {
            double term = x,
                sum = x;
            for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
            {
                term *= -x * x / n;
                sum += term / (2 * n + 1);
                if (n > 100)
                    break;
            }

            return 1 - 2 / Math.Sqrt(Math.PI) * sum;
        }

        double fraction = x;
        for (int n = 80; n > 0; n--)
            fraction = x + n / 2.0 / fraction;
        return Math.Exp(-x * x) / (fraction * Math.Sqrt(Math.PI));
    }

    /// <summary>erf of 16 floats to 3e-7 as a fraction: a rational minimax fit x·P(x²)/Q(x²) on ±4, beyond which erf is ±1 in single
    /// precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (Vector512<float> Top, Vector512<float> Bottom) ErfRatio(Vector512<float> value)
    {
        Vector512<float> x = Vector512.Max(Vector512.Min(value, Vector512.Create(4f)), Vector512.Create(-4f));
        Vector512<float> s = x * x;
        Vector512<float> p = Vector512.Create(-2.72614225801306e-10f);
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(2.77068142495902e-08f));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(-2.10102402082508e-06f));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(-5.69250639462346e-05f));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(-7.34990630326855e-04f));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(-2.95459980854025e-03f));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(-1.60960333262415e-02f));
        Vector512<float> q = Vector512.Create(-1.45660718464996e-05f);
        q = Vector512.FusedMultiplyAdd(q, s, Vector512.Create(-2.13374055278905e-04f));
        q = Vector512.FusedMultiplyAdd(q, s, Vector512.Create(-1.68282697438203e-03f));
        q = Vector512.FusedMultiplyAdd(q, s, Vector512.Create(-7.37332916720468e-03f));
        q = Vector512.FusedMultiplyAdd(q, s, Vector512.Create(-1.42647390514189e-02f));
        return (x * p, q);
    }
}
