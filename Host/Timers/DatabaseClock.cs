namespace Durable.Host.Timers;

/// <summary>
/// The database clock between two looks at it: runs on by the local monotonic clock, so that a jump of the local wall clock moves nothing.
/// A jump of the database clock is seen at the next look.
/// </summary>
internal sealed class DatabaseClock(TimeProvider time)
{
    private DateTimeOffset seen;
    private long seenAt;

    /// <summary>The database's present, late by the answer's way home; never early while the clocks run alike.</summary>
    public DateTimeOffset Now => seen + time.GetElapsedTime(seenAt);

    /// <summary>Takes over what the database says.</summary>
    public void Set(DateTimeOffset now) => (seen, seenAt) = (now, time.GetTimestamp());
}
