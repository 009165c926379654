using System.Diagnostics;

namespace Durable.Host.Store;

/// <summary>The database's clock as this process sees it: read at every lease renewal, advanced by the monotonic clock in
/// between.</summary>
/// <remarks>A jump of this machine's wall clock has no effect. The clock never runs backwards: after a backward correction it stands still
/// until time catches up.</remarks>
internal sealed class HubClock
{
    private readonly Lock gate = new();
    private DateTime readAt = Whole(DateTime.UtcNow);
    private long readTicks = Stopwatch.GetTimestamp();
    private DateTime latest;

    /// <summary>Raised when the database's clock is more than a second ahead of this one: timers may be due immediately.</summary>
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

    /// <summary>Sets the clock to the time just read from the database.</summary>
    public void Set(DateTime databaseUtc)
    {
        bool ahead;
        lock (gate)
        {
            ahead = databaseUtc - (readAt + Stopwatch.GetElapsedTime(readTicks)) > TimeSpan.FromSeconds(1);
            readAt = databaseUtc;
            readTicks = Stopwatch.GetTimestamp();

            // Far behind the last time returned: the database's clock was set back. Follow it rather than stand still for hours.
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
