using System.Diagnostics;

namespace Durable.Bench;

/// <summary>Measures in rounds, so that what a shared machine does meanwhile meets both sides of a ratio.</summary>
internal static class Rounds
{
    public const int Count = 5;

    /// <summary>Measures everything five times, and what it is compared with before and after each round.</summary>
    /// <returns>One sample of each for a round; that of <paramref name="beside"/> is the mean of before and after.</returns>
    public static async Task<(Samples Beside, Samples[] Measured)> RunAsync(Func<Task<double>> beside, params Func<Task<double>>[] measured)
    {
        List<double> besides = [];
        List<double>[] values = [.. measured.Select(_ => new List<double>())];
        double before = await beside();
        for (int round = 0; round < Count; round++)
        {
            for (int i = 0; i < measured.Length; i++)
                values[i].Add(await measured[i]());
            double after = await beside();
            besides.Add((before + after) / 2);
            before = after;
        }

        return (new Samples(besides), [.. values.Select(v => new Samples(v))]);
    }

    /// <summary><paramref name="items"/> a second.</summary>
    public static async Task<double> RateAsync(int items, Func<Task> run)
    {
        long start = Stopwatch.GetTimestamp();
        await run();
        return items / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
