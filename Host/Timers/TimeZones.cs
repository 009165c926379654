namespace Durable.Host.Timers;

/// <summary>A time zone cannot be found. The message says what to do.</summary>
internal sealed class TimeZoneUnknownException(string message) : Exception(message);

/// <summary>Time zones by IANA name, and their clock changes.</summary>
internal static class TimeZones
{
    private static readonly TimeSpan Step = TimeSpan.FromHours(6); // shorter than the time between two changes of any zone

    /// <summary>Finds a zone by IANA name (<c>Europe/Berlin</c>); UTC needs no data.</summary>
    /// <exception cref="TimeZoneUnknownException">No such zone, or no time zone data on this machine.</exception>
    public static TimeZoneInfo Find(string name)
    {
        if (name.ToUpperInvariant() is "UTC" or "ETC/UTC" or "Z")
            return TimeZoneInfo.Utc;
        try
        {
            return TimeZoneInfo.FindSystemTimeZoneById(name);
        }
        catch (Exception e)
            when (e
                    is TimeZoneNotFoundException
                        or InvalidTimeZoneException
                        or System.Security.SecurityException
                        or UnauthorizedAccessException
            )
        {
            string data = Environment.GetEnvironmentVariable("TZDIR") ?? "/usr/share/zoneinfo";
            throw new TimeZoneUnknownException(
                !OperatingSystem.IsWindows() && !Directory.Exists(Path.Combine(data, "Europe"))
                    ? $"time zone '{name}' needs the time zone data, which is not in {data}; run 'apt install tzdata' (or set TZDIR)."
                    : $"there is no time zone '{name}'; write an IANA name such as Europe/Berlin, Asia/Seoul or UTC."
            );
        }
    }

    /// <summary>The first instant in (<paramref name="from"/>, <paramref name="to"/>] whose offset differs from the one before; null when
    /// the clocks do not change.</summary>
    public static DateTime? FirstChange(TimeZoneInfo zone, DateTime from, DateTime to)
    {
        TimeSpan offset = zone.GetUtcOffset(from);
        DateTime at = from;
        while (at < to)
        {
            DateTime next = to - at > Step ? at + Step : to;
            if (zone.GetUtcOffset(next) != offset)
                return Narrow(zone, at, next, offset);
            at = next;
        }

        return null;
    }

    private static DateTime Narrow(TimeZoneInfo zone, DateTime before, DateTime after, TimeSpan offset)
    {
        while (after - before > TimeSpan.FromTicks(1))
        {
            DateTime middle = before + (after - before) / 2;
            if (zone.GetUtcOffset(middle) == offset)
                before = middle;
            else
                after = middle;
        }

        return after;
    }
}
