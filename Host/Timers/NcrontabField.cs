using System.Globalization;

namespace Durable.Host.Timers;

/// <summary>A schedule cannot be read. The message names the field, the value and the rule; whoever knows the function adds its name.</summary>
internal sealed class ScheduleFormatException(string message) : FormatException(message);

/// <summary>One field of an NCRONTAB expression: the values it lets through, as bits.</summary>
internal sealed record NcrontabField
{
    private static readonly string[] Months =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    private static readonly string[] Days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

    private readonly Kind kind;
    private readonly ulong bits;

    private NcrontabField(Kind kind, string text)
    {
        this.kind = kind;
        foreach (string item in text.Split(',')) bits |= ReadItem(item, text);
        IsEvery = text == "*";
    }

    /// <summary>Written <c>*</c>.</summary>
    public bool IsEvery { get; }

    /// <summary>Smallest value let through.</summary>
    public int First => System.Numerics.BitOperations.TrailingZeroCount(bits);

    public static NcrontabField Second(string text) => new(new Kind("second", 0, 59, []), text);

    public static NcrontabField Minute(string text) => new(new Kind("minute", 0, 59, []), text);

    public static NcrontabField Hour(string text) => new(new Kind("hour", 0, 23, []), text);

    public static NcrontabField Day(string text) => new(new Kind("day", 1, 31, []), text);

    public static NcrontabField Month(string text) => new(new Kind("month", 1, 12, Months), text);

    /// <summary>0 = Sunday to 6 = Saturday.</summary>
    public static NcrontabField DayOfWeek(string text) => new(new Kind("day of week", 0, 6, Days), text);

    /// <summary>Whether the value is let through.</summary>
    public bool Has(int value) => (bits >> value & 1) == 1;

    /// <summary>The smallest value let through that is <paramref name="least"/> or more; -1 when there is none.</summary>
    public int From(int least)
    {
        ulong rest = least > 63 ? 0 : bits >> least << least;
        return rest == 0 ? -1 : System.Numerics.BitOperations.TrailingZeroCount(rest);
    }

    /// <summary><c>*</c>, <c>a</c>, <c>a-b</c>, each with <c>/step</c>; <c>a/step</c> runs to the field's end.</summary>
    private ulong ReadItem(string item, string field)
    {
        if (item.Length == 0) throw Bad(field, "holds an empty value");
        string[] stepped = item.Split('/');
        if (stepped.Length > 2) throw Bad(field, $"has more than one '/' in '{item}'");
        int step = 1;
        if (stepped.Length == 2 && (!int.TryParse(stepped[1], NumberStyles.None, CultureInfo.InvariantCulture, out step) || step < 1))
            throw Bad(field, $"has the step '{stepped[1]}'; a step is a whole number from 1");

        string[] ends = stepped[0].Split('-');
        if (ends.Length > 2) throw Bad(field, $"has more than one '-' in '{item}'");
        (int first, int last) = stepped[0] == "*" ? (kind.Least, kind.Most)
            : ends.Length == 2 ? (Value(ends[0], field), Value(ends[1], field))
            : (Value(ends[0], field), stepped.Length == 2 ? kind.Most : Value(ends[0], field));
        if (first > last)
            throw Bad(field, $"has the range '{stepped[0]}', which runs backwards; write {ends[0]}-{kind.Most},{kind.Least}-{ends[1]}");

        ulong read = 0;
        for (int value = first; value <= last; value += step) read |= 1UL << value;
        return read;
    }

    private int Value(string text, string field)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            return number >= kind.Least && number <= kind.Most
                ? number
                : throw Bad(field, $"has the value {text}, which is outside {kind.Least}-{kind.Most}{(kind.Names == Days && number == 7 ? "; Sunday is 0" : "")}");
        }

        int index = text.Length < 3 ? -1 : Array.FindIndex(kind.Names, name => name.StartsWith(text, StringComparison.OrdinalIgnoreCase));
        if (index >= 0) return index + kind.Least;
        throw Bad(field, text is "?" or "L" or "W" or "#" || text.EndsWith('L') || text.Contains('#', StringComparison.Ordinal)
            ? $"has '{text}', which Quartz knows and NCRONTAB does not; write * for any"
            : kind.Names.Length > 0
                ? $"has '{text}'; write {kind.Least}-{kind.Most} or a name as {kind.Names[0][..3].ToUpperInvariant()}"
                : $"has '{text}'; write {kind.Least}-{kind.Most}, *, a-b, a,b or */n");
    }

    private ScheduleFormatException Bad(string field, string problem) => new($"the {kind.Name} field '{field}' {problem}.");

    private sealed record Kind(string Name, int Least, int Most, string[] Names);
}
