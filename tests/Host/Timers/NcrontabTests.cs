using System.Globalization;
using Durable.Host.Timers;

namespace Durable.Tests.Host.Timers;

public sealed class NcrontabTests
{
    // Worked out on the calendar: 2026-01-01 is a Thursday, 2026-02-01 a Sunday, 2028 a leap year.
    [Theory]
    [InlineData("0 */5 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:05:00")]
    [InlineData("0 */5 * * * *", "2026-01-01T23:57:30", "2026-01-02T00:00:00")]
    [InlineData("*/5 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:05:00")] // five fields: second 0
    [InlineData("0 0 * * * *", "2026-12-31T23:00:00", "2027-01-01T00:00:00")]
    [InlineData("0 0 */2 * * *", "2026-01-01T22:00:00", "2026-01-02T00:00:00")]
    [InlineData("0 0 9-17 * * *", "2026-01-01T17:00:00", "2026-01-02T09:00:00")]
    [InlineData("0 30 9 * * *", "2026-01-01T09:29:59", "2026-01-01T09:30:00")]
    [InlineData("0 30 9 * * 1-5", "2026-01-02T09:30:00", "2026-01-05T09:30:00")] // Friday → Monday
    [InlineData("0 30 9 * Jan Mon", "2026-01-26T09:30:00", "2027-01-04T09:30:00")] // first Monday of January 2027 is the 4th
    [InlineData("0 0 0 1 1 *", "2026-01-01T00:00:00", "2027-01-01T00:00:00")]
    [InlineData("0 0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00")]
    [InlineData("0 0 0 29 2 *", "2096-03-01T00:00:00", "2104-02-29T00:00:00")] // 2100 is no leap year
    [InlineData("0 0 0 31 * *", "2026-01-31T00:00:00", "2026-03-31T00:00:00")]
    [InlineData("0 0 0 13 * FRI", "2026-01-01T00:00:00", "2026-02-13T00:00:00")] // both must match: Friday the 13th
    [InlineData("0 0 0 * * 0", "2026-01-29T00:00:00", "2026-02-01T00:00:00")]
    [InlineData("10,20 0 0 * * *", "2026-01-01T00:00:10", "2026-01-01T00:00:20")]
    [InlineData("10,20 0 0 * * *", "2026-01-01T00:00:20", "2026-01-02T00:00:10")]
    [InlineData("5/20 * * * * *", "2026-01-01T00:00:45", "2026-01-01T00:01:05")] // 5, 25, 45: a/step runs to the end
    [InlineData("0 10-30/10 * * * *", "2026-01-01T00:30:00", "2026-01-01T01:10:00")]
    [InlineData("0 0 12 1 jan,JUL *", "2026-01-01T12:00:00", "2026-07-01T12:00:00")]
    [InlineData("0 0 0 1 January-March *", "2026-03-01T00:00:00", "2027-01-01T00:00:00")]
    [InlineData("59 59 23 31 12 *", "2026-12-31T23:59:58.5", "2026-12-31T23:59:59")]
    [InlineData("* * * * * *", "2026-12-31T23:59:59", "2027-01-01T00:00:00")]
    [InlineData("0\t0 0   1 * *", "2026-01-01T00:00:00", "2026-02-01T00:00:00")]
    public void The_next_occurrence_is_the_one_on_the_calendar(string expression, string after, string next)
    {
        DateTime start = DateTime.Parse(after, CultureInfo.InvariantCulture);

        Assert.Equal(DateTime.Parse(next, CultureInfo.InvariantCulture), Ncrontab.Parse(expression).FromLocal(start.AddTicks(1)));
    }

    [Theory]
    [InlineData("* * * *", "it has 4 fields; NCRONTAB has six")]
    [InlineData("0 0 0 1 1 * 2026", "it has 7 fields")]
    [InlineData("60 * * * * *", "the second field '60' cannot be read: 60 is higher than the maximum allowable value")]
    [InlineData("0 60 * * * *", "the minute field '60'")]
    [InlineData("0 0 24 * * *", "the hour field '24'")]
    [InlineData("0 0 0 0 * *", "the day field '0' cannot be read: 0 is lower than the minimum allowable value")]
    [InlineData("0 0 0 1 13 *", "the month field '13'")]
    [InlineData("0 0 0 * * 7", "must be between 0 and 6")]
    [InlineData("0 0 0 ? * *", "the day field '?' cannot be read")]
    [InlineData("0 0 0 L * *", "the day field 'L' cannot be read")]
    [InlineData("0 0 0 * * FRI-MON", "the day of week field 'FRI-MON' has the range 'FRI-MON', which runs backwards; write it as two")]
    [InlineData("0 0 22-2 * * *", "the hour field '22-2' has the range '22-2', which runs backwards")]
    [InlineData("*/0 * * * * *", "has the step '0'")]
    [InlineData("*/x * * * * *", "the second field '*/x' cannot be read")]
    [InlineData("1,,2 * * * * *", "the second field '1,,2' cannot be read: A crontab field value cannot be empty")]
    [InlineData("1-2-3 * * * * *", "the second field '1-2-3' cannot be read")]
    [InlineData("-5 * * * * *", "the second field '-5' cannot be read")]
    [InlineData("0 0 0 * Foo *", "the month field 'Foo' cannot be read")]
    [InlineData("99999999999 * * * * *", "the second field '99999999999' cannot be read")]
    [InlineData("*/00 * * * * *", "has the step '00'")]
    [InlineData("1,5-3/2 * * * * *", "has the range '5-3', which runs backwards")]
    [InlineData("0 0 0 30 2 *", "no date ever matches day '30', month '2'")]
    public void A_mistake_is_reported_with_its_field_and_rule(string expression, string message)
    {
        ScheduleFormatException error = Assert.Throws<ScheduleFormatException>(() => Ncrontab.Parse(expression));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Going_field_by_field_finds_what_going_second_by_second_finds()
    {
        // Independent of the code under test: the set of matching days and times is written out as predicates.
        (string Expression, Func<DateTime, bool> Matches)[] schedules =
        [
            (
                "0 15,45 6-8 * * 1-5",
                t =>
                    t is { Second: 0, Minute: 15 or 45, Hour: >= 6 and <= 8 } && t.DayOfWeek is not (DayOfWeek.Saturday or DayOfWeek.Sunday)
            ),
            ("30 59 23 28-31 2,3 *", t => t is { Second: 30, Minute: 59, Hour: 23, Day: >= 28, Month: 2 or 3 }),
            ("*/20 0 12 * * SUN", t => t.Second % 20 == 0 && t is { Minute: 0, Hour: 12, DayOfWeek: DayOfWeek.Sunday }),
        ];
        foreach ((string expression, Func<DateTime, bool> matches) in schedules)
        {
            Ncrontab schedule = Ncrontab.Parse(expression);
            DateTime at = new(2028, 2, 26);
            for (DateTime t = at; t < new DateTime(2028, 3, 6); t = t.AddSeconds(1))
            {
                if (!matches(t))
                    continue;
                Assert.Equal(t, schedule.FromLocal(at));
                at = t.AddSeconds(1);
            }
        }
    }
}
