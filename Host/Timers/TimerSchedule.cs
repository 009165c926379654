using System.Globalization;
using Durable.Host.Configuration;
using Microsoft.Extensions.Configuration;

namespace Durable.Host.Timers;

/// <summary>
/// When a timer fires: an NCRONTAB expression in a time zone, or a time span between two firings.
/// </summary>
/// <remarks>
/// When clocks change: skipped wall-clock times fire once, at the first instant after the gap; a repeated time fires the first time only. A
/// schedule whose hour field is <c>*</c> (every n minutes, hourly) continues in real time instead: nothing is made up after the gap, and
/// the repeated hour fires again. A time span is always real time.
/// </remarks>
internal sealed class TimerSchedule
{
    private readonly Ncrontab? cron;
    private readonly TimeSpan interval;
    private readonly TimeZoneInfo zone;

    private TimerSchedule(string text, Ncrontab? cron, TimeSpan interval, TimeZoneInfo zone)
    {
        (Text, this.cron, this.interval, this.zone) = (text, cron, interval, zone);
        TimeZone = zone == TimeZoneInfo.Utc ? "UTC" : zone.Id;
    }

    /// <summary>The expression, settings resolved.</summary>
    public string Text { get; }

    /// <summary>IANA name of the zone.</summary>
    public string TimeZone { get; }

    /// <summary>Reads an expression.</summary>
    /// <param name="text">NCRONTAB, five or six fields; or a time span above zero, such as <c>00:10:00</c> (hours below 24; <c>24:00:00</c>
    /// is 24 days, as .NET reads it).</param>
    /// <param name="timeZone">IANA name.</param>
    /// <exception cref="ScheduleFormatException">The expression cannot be read.</exception>
    /// <exception cref="TimeZoneUnknownException">The zone cannot be found.</exception>
    public static TimerSchedule Parse(string text, string timeZone = "UTC")
    {
        TimeZoneInfo zone = TimeZones.Find(timeZone);
        text = text.Trim();
        if (text.Contains(' ', StringComparison.Ordinal) || text.Contains('\t', StringComparison.Ordinal))
            return new TimerSchedule(text, Ncrontab.Parse(text), default, zone);
        if (!TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan interval))
            throw new ScheduleFormatException(
                $"it is neither NCRONTAB (six fields: second minute hour day month day-of-week) nor a time span such as 00:10:00."
            );
        if (interval < TimeSpan.FromSeconds(1))
            throw new ScheduleFormatException("a time span must be at least 00:00:01.");
        return new TimerSchedule(text, null, interval, zone);
    }

    /// <summary>Reads a function's schedule with the app's settings: <c>%NAME%</c> in it, the function's time zone, else the
    /// app's.</summary>
    /// <inheritdoc cref="Parse"/>
    /// <exception cref="AppSettingMissingException">A setting named in the expression is missing.</exception>
    public static TimerSchedule Of(string function, string text, IConfiguration settings)
    {
        string zone =
            settings[$"AzureFunctions:Timers:{function}:TimeZone"] is { Length: > 0 } own ? own
            : settings["WEBSITE_TIME_ZONE"] is { Length: > 0 } shared ? shared
            : "UTC";
        return Parse(AppSettingText.Resolve(text, settings), zone);
    }

    /// <summary>The first occurrence after <paramref name="after"/>; null when there is none within a century.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        DateTime? next =
            cron is null ? after.UtcDateTime + interval
            : cron.IsIntervalLike ? NextThroughChanges(after.UtcDateTime)
            : NextOnTheWall(after.UtcDateTime);
        return next is { } utc ? new DateTimeOffset(utc, TimeSpan.Zero) : null;
    }

    /// <summary>Whether two of the next ten occurrences are less than a minute apart: such timers are not monitored.</summary>
    public bool IsFasterThanAMinute(DateTimeOffset now)
    {
        for (int i = 0; i < 10; i++)
        {
            if (Next(now) is not { } first || Next(first) is not { } second)
                return false;
            if (second - first < TimeSpan.FromMinutes(1))
                return true;
            now = first;
        }

        return false;
    }

    /// <summary>Goes from one clock change to the next; between two changes, wall-clock time is real time.</summary>
    private DateTime? NextThroughChanges(DateTime after)
    {
        DateTime from = after.AddTicks(1);
        while (true)
        {
            TimeSpan offset = zone.GetUtcOffset(from);
            if (cron!.FromLocal(from + offset) is not { } local)
                return null;
            DateTime utc = DateTime.SpecifyKind(local - offset, DateTimeKind.Utc);
            if (TimeZones.FirstChange(zone, from, utc) is not { } change)
                return utc;
            from = change;
        }
    }

    private DateTime? NextOnTheWall(DateTime after)
    {
        DateTime local = after + zone.GetUtcOffset(after);
        while (cron!.FromLocal(local.AddTicks(1)) is { } next)
        {
            DateTime utc = FirstInstant(next);
            if (utc > after)
                return utc;
            local = next; // its first occurrence has passed: this is the repeated hour
        }

        return null;
    }

    /// <summary>The first instant the wall clock shows this time, or the end of the gap that skips it.</summary>
    private DateTime FirstInstant(DateTime local)
    {
        // Offsets are below 15 h and gaps at most a day (Samoa, 2011): the offsets in force around this time are those at these two
        // instants.
        DateTime asUtc = DateTime.SpecifyKind(local, DateTimeKind.Utc);
        (DateTime before, DateTime behind) = (asUtc.AddHours(-40), asUtc.AddHours(40));
        DateTime? first = null;
        foreach (TimeSpan offset in (TimeSpan[])[zone.GetUtcOffset(before), zone.GetUtcOffset(behind)])
        {
            DateTime utc = asUtc - offset;
            if (zone.GetUtcOffset(utc) == offset && !(first <= utc))
                first = utc;
        }

        while (first is null && TimeZones.FirstChange(zone, before, behind) is { } change)
        {
            before = change;
            if (change + zone.GetUtcOffset(change) > local)
                first = change;
        }

        return first ?? asUtc - zone.GetUtcOffset(asUtc);
    }
}
