using System.Globalization;
using Durable.Host.Timers;

namespace Durable.Tests.Host.Timers;

/// <summary>Clock changes of 2026: Berlin 29 March 01:00Z (02:00→03:00) and 25 October 01:00Z (03:00→02:00); New York 8 March 07:00Z and 1
/// November 06:00Z.</summary>
public sealed class TimerScheduleTests
{
    [Theory]
    // Seoul has no summer time: 1 January 03:00 there is 31 December 18:00Z.
    [InlineData("0 0 3 1 1 *", "Asia/Seoul", "2026-06-01T00:00Z", "2026-12-31T18:00Z", "2027-12-31T18:00Z")]
    // 09:00 in Berlin: 08:00Z in winter, 07:00Z in summer.
    [InlineData("0 0 9 * * *", "Europe/Berlin", "2026-03-28T00:00Z", "2026-03-28T08:00Z", "2026-03-29T07:00Z", "2026-03-30T07:00Z")]
    // 02:30 does not exist on 29 March: the gap ends at 01:00Z.
    [InlineData("0 30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", "2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z")]
    // Several skipped times are made up for once, and 03:00 itself is the same instant.
    [InlineData(
        "0 0,15,30 2,3 * * *",
        "Europe/Berlin",
        "2026-03-29T00:30Z",
        "2026-03-29T01:00Z",
        "2026-03-29T01:15Z",
        "2026-03-29T01:30Z",
        "2026-03-30T00:00Z"
    )]
    // 02:30 comes twice on 25 October: 00:30Z (summer) counts, 01:30Z does not.
    [InlineData("0 30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z")]
    // Asked in the repeated hour: its first coming has passed.
    [InlineData("0 30 2 * * *", "Europe/Berlin", "2026-10-25T01:10Z", "2026-10-26T01:30Z")]
    [InlineData("0 0 */2 * * *", "Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25T00:00Z", "2026-10-25T03:00Z")]
    // Every half hour goes on through both changes.
    [InlineData("0 */30 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", "2026-03-29T00:30Z", "2026-03-29T01:00Z", "2026-03-29T01:30Z")]
    [InlineData(
        "0 */30 * * * *",
        "Europe/Berlin",
        "2026-10-25T00:00Z",
        "2026-10-25T00:30Z",
        "2026-10-25T01:00Z",
        "2026-10-25T01:30Z",
        "2026-10-25T02:00Z"
    )]
    [InlineData("0 30 2 * * *", "America/New_York", "2026-03-07T12:00Z", "2026-03-08T07:00Z", "2026-03-09T06:30Z")]
    [InlineData("0 30 1 * * *", "America/New_York", "2026-10-31T12:00Z", "2026-11-01T05:30Z", "2026-11-02T06:30Z")]
    [InlineData("0 15 * * * *", "America/New_York", "2026-11-01T04:15Z", "2026-11-01T05:15Z", "2026-11-01T06:15Z", "2026-11-01T07:15Z")]
    // Cuba falls back at 01:00 to 00:00: the first 00:30 of 1 November is 04:30Z, the second 05:30Z. Far ahead of the start, through two
    // changes.
    [InlineData("0 30 0 1 11 *", "America/Havana", "2026-01-01T00:00Z", "2026-11-01T04:30Z", "2027-11-01T04:30Z")]
    [InlineData("0 30 * 1 11 *", "America/Havana", "2026-01-01T00:00Z", "2026-11-01T04:30Z", "2026-11-01T05:30Z", "2026-11-01T06:30Z")]
    // Lord Howe moves by half an hour: 4 October 2026 02:00 (+10:30) → 02:30 (+11), at 3 October 15:30Z.
    [InlineData("0 15 2 4 10 *", "Australia/Lord_Howe", "2026-10-01T00:00Z", "2026-10-03T15:30Z")]
    // Samoa had no 30 December 2011: the day ends where the 31st begins, 10:00Z.
    [InlineData("0 0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00Z", "2011-12-30T10:00Z")]
    [InlineData("00:10:00", "UTC", "2026-01-01T00:00:07Z", "2026-01-01T00:10:07Z", "2026-01-01T00:20:07Z")]
    [InlineData("01:00:00", "Europe/Berlin", "2026-03-29T00:30Z", "2026-03-29T01:30Z", "2026-03-29T02:30Z")]
    public void Occurrences_follow_the_wall_clock_of_the_zone(string schedule, string zone, string after, params string[] expected)
    {
        TimerSchedule timer = TimerSchedule.Parse(schedule, zone);
        DateTimeOffset at = Utc(after);
        foreach (string next in expected)
        {
            DateTimeOffset? found = timer.Next(at);
            Assert.Equal(Utc(next), found);
            at = found!.Value;
        }
    }

    [
        Theory,
        InlineData("Europe/Berlin"),
        InlineData("America/New_York"),
        InlineData("Australia/Lord_Howe"),
        InlineData("Africa/Casablanca"),
        InlineData("Europe/Dublin")
    ]
    public void A_daily_timer_fires_once_on_every_day_of_ten_years(string zone)
    {
        TimeZoneInfo place = TimeZones.Find(zone);
        foreach (string schedule in (string[])["0 30 2 * * *", "0 0 2 * * *", "0 15 1 * * *", "0 30 3 * * *"])
        {
            TimerSchedule timer = TimerSchedule.Parse(schedule, zone);
            DateTimeOffset at = Utc("2020-01-01T12:00Z");
            DateTime day = TimeZoneInfo.ConvertTime(at, place).Date;
            while (at < Utc("2030-01-01T00:00Z"))
            {
                at = timer.Next(at)!.Value;
                DateTime local = TimeZoneInfo.ConvertTime(at, place).Date;
                Assert.Equal(day.AddDays(1), local);
                day = local;
            }
        }
    }

    [Theory, InlineData("Europe/Berlin"), InlineData("America/New_York"), InlineData("Asia/Kolkata"), InlineData("Africa/Casablanca")]
    public void A_ten_minute_timer_keeps_ten_minutes_through_every_change(string zone)
    {
        TimerSchedule timer = TimerSchedule.Parse("0 */10 * * * *", zone);
        for (DateTimeOffset at = Utc("2026-01-01T00:00Z"); at < Utc("2027-01-01T00:00Z"); at += TimeSpan.FromMinutes(10))
            Assert.Equal(at + TimeSpan.FromMinutes(10), timer.Next(at));
    }

    [Theory]
    [InlineData("", "neither NCRONTAB")]
    [InlineData("hourly", "neither NCRONTAB")]
    [InlineData("00:00:00", "at least 00:00:01")]
    [InlineData("-00:10:00", "at least 00:00:01")]
    public void An_invalid_schedule_is_explained(string schedule, string message) =>
        Assert.Contains(
            message,
            Assert.Throws<ScheduleFormatException>(() => TimerSchedule.Parse(schedule)).Message,
            StringComparison.Ordinal
        );

    [Theory, InlineData("Mars/Olympus"), InlineData("W. Europe Standard Time"), InlineData("../../etc/passwd")]
    public void An_unknown_zone_is_explained(string zone) =>
        Assert.Contains(
            $"there is no time zone '{zone}'; write an IANA name",
            Assert.Throws<TimeZoneUnknownException>(() => TimerSchedule.Parse("0 0 * * * *", zone)).Message,
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("*/30 * * * * *", true)]
    [InlineData("0 * * * * *", false)]
    [InlineData("00:00:59", true)]
    [InlineData("0,30 0 0 * * *", true)]
    [InlineData("0 0 0 29 2 *", false)]
    public void A_schedule_under_a_minute_is_distinguished(string schedule, bool fast) =>
        Assert.Equal(fast, TimerSchedule.Parse(schedule).IsFasterThanAMinute(Utc("2026-01-01T00:00Z")));

    private static DateTimeOffset Utc(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
