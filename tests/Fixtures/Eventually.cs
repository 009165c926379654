using System.Diagnostics;

namespace Durable.Tests.Fixtures;

/// <summary>Waits for what another process, host or server brings about. The limits are for a busy machine: a test that passes does not
/// wait for them.</summary>
internal static class Eventually
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10),
        LongestPause = TimeSpan.FromMilliseconds(100),
        LongestWait = TimeSpan.FromSeconds(60);

    /// <summary>Returns how long it took until <paramref name="condition"/> held.</summary>
    /// <param name="otherwise">What to say when it does not hold within <paramref name="seconds"/> (default 60).</param>
    public static async Task<TimeSpan> HoldsAsync(Func<Task<bool>> condition, Func<Task<string>> otherwise, double? seconds = null)
    {
        TimeSpan limit = seconds is { } given ? TimeSpan.FromSeconds(given) : LongestWait;
        Stopwatch watch = Stopwatch.StartNew();
        for (TimeSpan pause = FirstPause; !await condition(); pause = pause * 1.2 < LongestPause ? pause * 1.2 : LongestPause)
        {
            if (watch.Elapsed > limit)
                throw new TimeoutException($"Not within {limit.TotalSeconds} s: {await otherwise()}");
            await Task.Delay(pause);
        }

        return watch.Elapsed;
    }

    /// <inheritdoc cref="HoldsAsync(Func{Task{bool}}, Func{Task{string}}, double?)"/>
    public static Task<TimeSpan> HoldsAsync(Func<Task<bool>> condition, string otherwise = "the condition", double? seconds = null) =>
        HoldsAsync(condition, () => Task.FromResult(otherwise), seconds);

    /// <inheritdoc cref="HoldsAsync(Func{Task{bool}}, Func{Task{string}}, double?)"/>
    public static Task<TimeSpan> HoldsAsync(Func<bool> condition, string otherwise = "the condition", double? seconds = null) =>
        HoldsAsync(() => Task.FromResult(condition()), otherwise, seconds);
}
