namespace Durable.Host.Timers;

/// <summary>
/// The database clock between two reads: advanced by the local monotonic clock, so that a jump of the local wall clock has no effect. A
/// jump of the database clock shows at the next read.
/// </summary>
internal sealed class DatabaseClock(TimeProvider time)
{
    private DateTimeOffset seen;
    private long seenAt;

    /// <summary>The database's time, late by the reply's latency; never early while both clocks run at the same rate.</summary>
    public DateTimeOffset Now => seen + time.GetElapsedTime(seenAt);

    /// <summary>Sets the clock to the database's time.</summary>
    public void Set(DateTimeOffset now) => (seen, seenAt) = (now, time.GetTimestamp());
}
