using NCrontab;

namespace Durable.Host.Timers;

/// <summary>A schedule cannot be read. The message names the field, the value and the rule; the caller adds the function's name.</summary>
internal sealed class ScheduleFormatException(string message) : FormatException(message);

/// <summary>
/// An NCRONTAB expression, <c>{second} {minute} {hour} {day} {month} {day of week}</c> (five fields: second 0), over wall-clock time, read
/// by the library of the Functions host. Day and day of week must <em>both</em> match, unlike in Unix cron; Sunday is 0; months and days
/// may be names.
/// </summary>
/// <remarks>Stricter than the library, which guesses: a backward range (<c>FRI-MON</c>, which it swaps to Monday–Friday), a step of 0 and a
/// date that never comes are refused.</remarks>
internal sealed record Ncrontab
{
    private const int YearsAhead = 100; // longest wait for an existing date: 29 February on a given weekday, 40 years around 2100

    private static readonly (string Name, CrontabFieldKind Kind)[] Fields =
    [
        ("second", CrontabFieldKind.Second),
        ("minute", CrontabFieldKind.Minute),
        ("hour", CrontabFieldKind.Hour),
        ("day", CrontabFieldKind.Day),
        ("month", CrontabFieldKind.Month),
        ("day of week", CrontabFieldKind.DayOfWeek),
    ];

    private readonly CrontabSchedule schedule;

    private Ncrontab(CrontabSchedule schedule, bool isIntervalLike) => (this.schedule, IsIntervalLike) = (schedule, isIntervalLike);

    /// <summary>The hour field is <c>*</c>: the schedule continues in real time through a clock change.</summary>
    public bool IsIntervalLike { get; }

    /// <exception cref="ScheduleFormatException">Not five or six fields, a bad field, or a date that never comes.</exception>
    public static Ncrontab Parse(string text)
    {
        string[] fields = text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length is not (5 or 6))
            throw new ScheduleFormatException(
                $"it has {fields.Length} field{(fields.Length == 1 ? "" : "s")}; NCRONTAB has six: "
                    + "second minute hour day month day-of-week."
            );
        if (fields.Length == 5)
            fields = ["0", .. fields];
        foreach (((string name, CrontabFieldKind kind), string field) in Fields.Zip(fields))
            Check(name, kind, field);
        CrontabSchedule schedule = CrontabSchedule.Parse(
            string.Join(' ', fields),
            new CrontabSchedule.ParseOptions { IncludingSeconds = true }
        );
        Ncrontab read = new(schedule, fields[2] == "*");
        return read.FromLocal(new DateTime(2000, 1, 1)) is null
            ? throw new ScheduleFormatException(
                $"no date ever matches day '{fields[3]}', month '{fields[4]}' and day of week '{fields[5]}' together."
            )
            : read;
    }

    /// <summary>The first matching wall-clock time at or after <paramref name="local"/>; null when there is none within a
    /// century.</summary>
    public DateTime? FromLocal(DateTime local)
    {
        long second = TimeSpan.TicksPerSecond,
            upToSecond = (local.Ticks + second - 1) / second * second;
        DateTime before = new(upToSecond - second);
        DateTime last = before.Year + YearsAhead < DateTime.MaxValue.Year ? before.AddYears(YearsAhead) : DateTime.MaxValue;
        DateTime next = schedule.GetNextOccurrence(before, last); // after the first, before the second; the second when there is none
        return next == last ? null : next;
    }

    private static void Check(string name, CrontabFieldKind kind, string field)
    {
        try
        {
            CrontabField.Parse(kind, field);
            foreach (string item in field.Split(','))
            {
                string[] stepped = item.Split('/'),
                    ends = stepped[0].Split('-');
                if (stepped.Length == 2 && stepped[1].Trim('0').Length == 0)
                    throw new ScheduleFormatException(
                        $"the {name} field '{field}' has the step '{stepped[1]}'; a step is a whole number from 1."
                    );
                if (ends.Length == 2 && CrontabField.Parse(kind, ends[0]).GetFirst() > CrontabField.Parse(kind, ends[1]).GetFirst())
                    throw new ScheduleFormatException(
                        $"the {name} field '{field}' has the range '{stepped[0]}', which runs backwards; write it as two."
                    );
            }
        }
        catch (Exception error) when (error is CrontabException or OverflowException)
        {
            throw new ScheduleFormatException($"the {name} field '{field}' cannot be read: {error.Message}");
        }
    }
}
