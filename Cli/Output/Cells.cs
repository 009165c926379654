using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Durable.Cli.Client;

namespace Durable.Cli.Output;

/// <summary>JSON values as short text for a cell of a table; <c>--output json</c> and <c>show</c> show them in full.</summary>
internal static class Cells
{
    private const int ShownOfHash = 12;
    private const int ShownOfList = 4;

    /// <summary>Times local and short, years as ranges, hashes shortened, numbers to eight digits, members of a record as "name
    /// value".</summary>
    public static string Of(Screen screen, JsonNode? value)
    {
        if (screen.Wide)
            return Fields.Plain(value);
        return value switch
        {
            JsonArray list => List(screen, list),
            JsonObject members => string.Join(
                ", ",
                members.Where(m => m.Value is not null and not JsonArray { Count: 0 }).Select(m => $"{Words(m.Key)} {Of(screen, m.Value)}")
            ),
            JsonValue text when text.GetValueKind() == JsonValueKind.String => Text(screen, text.GetValue<string>()),
            JsonValue number
                when number.GetValueKind() == JsonValueKind.Number && number.TryGetValue(out double real) && !double.IsInteger(real) =>
                real.ToString("G8", CultureInfo.InvariantCulture),
            _ => Fields.Plain(value),
        };
    }

    /// <summary>The member with this name; see <see cref="Of(Screen, JsonNode?)"/>.</summary>
    public static string Of(Screen screen, JsonNode? node, string name) => Of(screen, node.Field(name));

    /// <summary>A time in the reader's zone: the time today, day and time this year, else the date.</summary>
    public static string Time(Screen screen, DateTimeOffset instant)
    {
        TimeZoneInfo zone = screen.Clock.LocalTimeZone;
        DateTimeOffset local = TimeZoneInfo.ConvertTime(instant, zone),
            now = TimeZoneInfo.ConvertTime(screen.Clock.GetUtcNow(), zone);
        string format =
            screen.Wide ? "yyyy-MM-dd HH:mm:sszzz"
            : local.Date == now.Date ? "HH:mm:ss"
            : local.Year == now.Year ? "MM-dd HH:mm"
            : "yyyy-MM-dd";
        return local.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>startYear, start_year, StartYear → start year.</summary>
    public static string Words(string name) =>
        string.Concat(
            name.Select(
                (c, i) =>
                    c == '_' ? " "
                    : char.IsUpper(c) && i > 0 && !char.IsUpper(name[i - 1]) ? " " + char.ToLowerInvariant(c)
                    : char.ToLowerInvariant(c).ToString()
            )
        );

    /// <summary>A readable duration: 0.41 s, 12 s, 3 min 20 s, 2 h 5 min.</summary>
    public static string Length(TimeSpan time) =>
        time switch
        {
            { TotalSeconds: < 10 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.##} s"),
            { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
            { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes} min {time.Seconds} s"),
            { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours} h {time.Minutes} min"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalDays} d {time.Hours} h"),
        };

    /// <summary>2021, 2022, 2023, 2030 → "2021-2023, 2030".</summary>
    public static string Ranges(IEnumerable<long> numbers)
    {
        List<(long First, long Last)> ranges = [];
        foreach (long number in numbers)
        {
            if (ranges is [.., (long first, long last)] && number == last + 1)
                ranges[^1] = (first, number);
            else
                ranges.Add((number, number));
        }
        return string.Join(
            ", ",
            ranges.Select(r =>
                r.First == r.Last ? $"{r.First}"
                : r.Last == r.First + 1 ? $"{r.First}, {r.Last}"
                : $"{r.First}-{r.Last}"
            )
        );
    }

    private static string List(Screen screen, JsonArray list)
    {
        if (list.Count > 0 && list.All(IsWhole))
            return Ranges(list.Select(item => (long)item!.GetValue<double>()));
        string text = string.Join(", ", list.Take(ShownOfList).Select(item => Of(screen, item)));
        return list.Count > ShownOfList ? string.Create(CultureInfo.InvariantCulture, $"{text}, ... ({list.Count})") : text;
    }

    private static bool IsWhole(JsonNode? item) =>
        item is JsonValue value
        && value.GetValueKind() == JsonValueKind.Number
        && value.TryGetValue(out double number)
        && double.IsInteger(number)
        && Math.Abs(number) < 1e15;

    private static string Text(Screen screen, string text)
    {
        if (text.Length >= 32 && text.All(char.IsAsciiHexDigit))
            return text[..ShownOfHash];
        bool isInstant = text.Length >= 19 && text[4] == '-' && text[10] is 'T' or ' ';
        if (
            isInstant
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset instant)
        )
            return Time(screen, instant);
        return text;
    }
}
