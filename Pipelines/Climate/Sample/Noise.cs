namespace Durable.Pipelines.Climate.Sample;

/// <summary>Random numbers that depend only on their keys: any cell of any year can be drawn separately, on any machine, in any
/// order.</summary>
internal static class Noise
{
    /// <summary>Evenly distributed in [0, 1).</summary>
    public static double Uniform(ulong seed, ulong a, ulong b = 0, ulong c = 0) => (Mix(seed, a, b, c) >> 11) * (1.0 / (1UL << 53));

    /// <summary>Bell-shaped, mean 0, standard deviation 1, within ±3.5: the sum of four even draws.</summary>
    public static double Bell(ulong seed, ulong a, ulong b = 0, ulong c = 0)
    {
        ulong bits = Mix(seed, a, b, c);
        double sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        return (sum / 65536.0 - 2 + 2.0 / 65536) * 1.7320508075688772;
    }

    // SplitMix64's finalizer over each key in turn.
    private static ulong Mix(ulong seed, ulong a, ulong b, ulong c) => Step(Step(Step(Step(seed) ^ a) ^ b) ^ c);

    private static ulong Step(ulong z)
    {
        z += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }
}
