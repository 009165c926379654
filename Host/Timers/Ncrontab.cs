namespace Durable.Host.Timers;

/// <summary>
/// An NCRONTAB expression, <c>{second} {minute} {hour} {day} {month} {day of week}</c> (five fields: second 0), over wall-clock time.
/// Day and day of week must <em>both</em> match, unlike in Unix cron; Sunday is 0; names may stand for months and days.
/// </summary>
/// <remarks>Stricter than the NCrontab library where that guesses: a backward range (<c>FRI-MON</c>, which it swaps to Monday–Friday) and a step
/// of 0 are refused. What it accepts without guessing means the same here.</remarks>
internal sealed record Ncrontab
{
    private const int YearsAhead = 100; // the longest wait of a date that exists: 29 February on a given weekday, 40 years around 2100

    private readonly NcrontabField second, minute, hour, day, month, dayOfWeek;

    private Ncrontab(string[] fields)
    {
        second = NcrontabField.Second(fields[0]);
        minute = NcrontabField.Minute(fields[1]);
        hour = NcrontabField.Hour(fields[2]);
        day = NcrontabField.Day(fields[3]);
        month = NcrontabField.Month(fields[4]);
        dayOfWeek = NcrontabField.DayOfWeek(fields[5]);
    }

    /// <summary>The hour field is <c>*</c>: the schedule goes on through a change of the clocks in steps of real time.</summary>
    public bool IsIntervalLike => hour.IsEvery;

    /// <exception cref="ScheduleFormatException">Not five or six fields, a bad field, or a date that never comes.</exception>
    public static Ncrontab Parse(string text)
    {
        string[] fields = text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length is not (5 or 6))
            throw new ScheduleFormatException($"it has {fields.Length} field{(fields.Length == 1 ? "" : "s")}; NCRONTAB has six: second minute hour day month day-of-week.");
        Ncrontab schedule = new(fields.Length == 5 ? ["0", .. fields] : fields);
        if (schedule.FromLocal(new DateTime(2000, 1, 1)) is null)
            throw new ScheduleFormatException($"no date ever matches day '{fields[^3]}', month '{fields[^2]}' and day of week '{fields[^1]}' together.");
        return schedule;
    }

    /// <summary>The first matching wall-clock time at or after <paramref name="local"/>; null when none comes within a century.</summary>
    public DateTime? FromLocal(DateTime local)
    {
        DateTime start = local.Ticks % TimeSpan.TicksPerSecond == 0 ? local : new DateTime(local.Ticks - local.Ticks % TimeSpan.TicksPerSecond).AddSeconds(1);
        if (Matches(start.Date) && TimeFrom(start) is { } today) return start.Date + today;
        TimeSpan first = new(hour.First, minute.First, second.First);
        int lastYear = Math.Min(start.Year + YearsAhead, DateTime.MaxValue.Year);
        (int year, int m, int d) = (start.Year, start.Month, start.Day + 1);
        while (year <= lastYear)
        {
            int next = month.From(m);
            if (next < 0)
            {
                (year, m, d) = (year + 1, 1, 1);
                continue;
            }

            if (next != m) (m, d) = (next, 1);
            for (int days = DateTime.DaysInMonth(year, m); (d = day.From(d)) > 0 && d <= days; d++)
            {
                DateTime date = new(year, m, d);
                if (dayOfWeek.Has((int)date.DayOfWeek)) return date + first;
            }

            (m, d) = (m + 1, 1);
        }

        return null;
    }

    private bool Matches(DateTime date) => month.Has(date.Month) && day.Has(date.Day) && dayOfWeek.Has((int)date.DayOfWeek);

    /// <summary>The first matching time of day at or after that of <paramref name="start"/>, a whole second; null when the day has no more.</summary>
    private TimeSpan? TimeFrom(DateTime start)
    {
        int h = hour.From(start.Hour);
        if (h < 0) return null;
        if (h > start.Hour) return new TimeSpan(h, minute.First, second.First);
        int m = minute.From(start.Minute);
        if (m > start.Minute) return new TimeSpan(h, m, second.First);
        if (m == start.Minute && second.From(start.Second) is >= 0 and var s) return new TimeSpan(h, m, s);
        m = m < 0 ? -1 : minute.From(start.Minute + 1);
        if (m >= 0) return new TimeSpan(h, m, second.First);
        h = hour.From(start.Hour + 1);
        return h < 0 ? null : new TimeSpan(h, minute.First, second.First);
    }
}
