using System.Globalization;
using System.Text.RegularExpressions;

namespace Durable.Pipelines.Pothole;

/// <summary>Days of the pipeline: calendar days of Korea, which is UTC+9 all year.</summary>
public static partial class RunDates
{
    /// <summary>First allowed day: there were no sensors before.</summary>
    public static readonly DateOnly Earliest = new(2020, 1, 1);

    private static readonly TimeSpan Kst = TimeSpan.FromHours(9);

    /// <summary>The Korean day at an instant.</summary>
    public static DateOnly DayOf(DateTimeOffset instant) => DateOnly.FromDateTime(instant.ToOffset(Kst).DateTime);

    /// <summary>The last Korean day that has ended: what the timer runs at 10:00 KST.</summary>
    public static DateOnly Previous(DateTimeOffset now) => DayOf(now).AddDays(-1);

    /// <summary>Reads <c>YYYY-MM-DD</c> in ASCII digits and nothing else.</summary>
    public static bool TryRead(string? text, out DateOnly day)
    {
        day = default;
        return text is not null
            && Form().IsMatch(text)
            && DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day);
    }

    /// <summary>Its form in instance ids, S3 keys and arguments.</summary>
    public static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>Every day from the first to the last.</summary>
    public static IEnumerable<DateOnly> Range(DateOnly first, DateOnly last)
    {
        for (DateOnly day = first; day <= last; day = day.AddDays(1))
            yield return day;
    }

    [GeneratedRegex(@"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z")]
    private static partial Regex Form();
}
