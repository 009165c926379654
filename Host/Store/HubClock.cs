using System.Diagnostics;

namespace Durable.Host.Store;

/// <summary>The database's clock as this process sees it: read with every lease renewal, carried on by the monotonic clock in
/// between.</summary>
/// <remarks>A jump of this machine's wall clock changes nothing. The clock never runs backwards: a correction backwards holds it until time
/// catches up.</remarks>
internal sealed class HubClock
{
    private readonly Lock gate = new();
    private DateTime readAt = Whole(DateTime.UtcNow);
    private long readTicks = Stopwatch.GetTimestamp();
    private DateTime latest;

    /// <summary>Raised when the database's clock is more than a second ahead of where this one had carried it: timers may be due at
    /// once.</summary>
    public event Action? JumpedAhead;

    /// <summary>Now, UTC, in whole microseconds (what PostgreSQL keeps).</summary>
    public DateTime UtcNow
    {
        get
        {
            lock (gate)
            {
                DateTime now = Whole(readAt + Stopwatch.GetElapsedTime(readTicks));
                latest = now > latest ? now : latest;
                return latest;
            }
        }
    }

    /// <summary>Sets the clock to what the database just said.</summary>
    public void Set(DateTime databaseUtc)
    {
        bool ahead;
        lock (gate)
        {
            ahead = databaseUtc - (readAt + Stopwatch.GetElapsedTime(readTicks)) > TimeSpan.FromSeconds(1);
            readAt = databaseUtc;
            readTicks = Stopwatch.GetTimestamp();

            // Far behind what was handed out: the database's clock was set back. Follow it rather than stand still for hours.
            if (latest - databaseUtc > TimeSpan.FromMinutes(1))
            {
                latest = databaseUtc;
            }
        }

        if (ahead)
        {
            JumpedAhead?.Invoke();
        }
    }

    private static DateTime Whole(DateTime time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc);
}
