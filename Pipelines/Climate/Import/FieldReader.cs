using System.Globalization;
using System.Text.Json;

namespace Durable.Pipelines.Climate.Import;

/// <summary>Why a value was refused.</summary>
/// <param name="Column">Empty when the whole row is at fault.</param>
internal sealed record Refusal(string Column, string Value, string Reason, string Remedy);

/// <summary>Reads fields strictly: anything that is not clearly a value of its column is refused, never guessed.</summary>
internal static class FieldReader
{
    private const NumberStyles Whole = NumberStyles.AllowLeadingSign,
        Fraction = Whole | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    private static readonly string[] Days = ["yyyy-MM-dd", "yyyyMMdd"],
        Months = ["yyyy-MM", "yyyyMM"];

    private static readonly string[] Times =
    [
        "yyyyMMddHHmm",
        "yyyyMMddHHmmss",
        .. from separator in new[] { "'T'", "' '" }
        from time in new[] { "HH:mm", "HH:mm:ss", "HH:mm:ss.FFFFFFF" }
        from zone in new[] { "", "'Z'", "zzz" }
        select $"yyyy-MM-dd{separator}{time}{zone}",
    ];

    /// <summary>Reads one field.</summary>
    /// <param name="value">Null for a blank.</param>
    public static Refusal? Read(InputColumn column, string field, out object? value)
    {
        string text = field.Trim();
        value = null;
        if (text.Length == 0)
            return column.Required ? new(column.Name, "", "is blank", "Every row needs it.") : null;
        if (text.Contains('\0', StringComparison.Ordinal))
            return new(column.Name, text, "holds a NUL character", "Remove it.");
        if (text.Contains('\uFFFD', StringComparison.Ordinal))
            return new(
                column.Name,
                text,
                "holds the mark of lost characters (U+FFFD)",
                "They were lost before this file was written: export it again from its source, in UTF-8."
            );
        if (column.Kind == ColumnKind.Text && text.Length > column.Longest)
            return new(column.Name, text, $"has {text.Length} characters", $"At most {column.Longest} fit.");
        if (column.Allowed is { } allowed && !allowed.Contains(text))
            return new(column.Name, text, "is not a known value", $"Write one of {string.Join(", ", allowed)}.");

        value = Parse(column.Kind, text);
        if (value is null)
            return Unreadable(column, text);
        if (value is float number && number == column.NotGiven)
        {
            value = null;
            return null;
        }

        return OutOfRange(column, value)
            ? new(
                column.Name,
                text,
                "is out of range",
                FormattableString.Invariant($"{column.Name} must be from {Least(column)} to {Most(column)}.")
            )
            : null;
    }

    private static Refusal Unreadable(InputColumn column, string text)
    {
        string remedy = column.Kind switch
        {
            ColumnKind.Small or ColumnKind.Integer or ColumnKind.Long => "Write a whole number in digits, such as 12.",
            ColumnKind.Real or ColumnKind.Double or ColumnKind.Decimal =>
                "Write a number with a decimal point and no other separators, such as 12.5.",
            ColumnKind.Day => "Write a day as 2050-07-01 or 20500701.",
            ColumnKind.Month => "Write a month as 2050-07 or 205007; a day in it, such as 2050-07-16, means the month.",
            ColumnKind.Timestamp =>
                "Write a date and time as 2026-08-01T12:00, 2026-08-01T21:00+09:00 or 202608011200; without a zone it is UTC.",
            _ => "Write JSON.",
        };
        string noun = column.Kind switch
        {
            ColumnKind.Small or ColumnKind.Integer or ColumnKind.Long => "whole number",
            ColumnKind.Real or ColumnKind.Double or ColumnKind.Decimal => "number",
            ColumnKind.Day => "day of the calendar",
            ColumnKind.Month => "month",
            ColumnKind.Timestamp => "date and time",
            _ => "JSON",
        };
        return new(column.Name, text, $"is not a {noun}", remedy);
    }

    private static object? Parse(ColumnKind kind, string text)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        return kind switch
        {
            ColumnKind.Small => short.TryParse(text, Whole, culture, out short value) ? value : null,
            ColumnKind.Integer => int.TryParse(text, Whole, culture, out int value) ? value : null,
            ColumnKind.Long => long.TryParse(text, Whole, culture, out long value) ? value : null,
            ColumnKind.Real => float.TryParse(text, Fraction, culture, out float value) && float.IsFinite(value) ? value : null,
            ColumnKind.Double => double.TryParse(text, Fraction, culture, out double value) && double.IsFinite(value) ? value : null,
            ColumnKind.Decimal => decimal.TryParse(text, Fraction, culture, out decimal value) ? value : null,
            ColumnKind.Day => DateOnly.TryParseExact(text, Days, culture, DateTimeStyles.None, out DateOnly day) ? day : null,
            ColumnKind.Month => Month(text, culture),
            ColumnKind.Timestamp => Timestamp(text, culture),
            ColumnKind.Json => IsJson(text) ? text : null,
            _ => text,
        };
    }

    // Any day of a month means that month: deliveries with different days are the same value and must not add up.
    private static object? Month(string text, CultureInfo culture) =>
        DateOnly.TryParseExact(text, Months, culture, DateTimeStyles.None, out DateOnly month) ? month
        : DateOnly.TryParseExact(text, Days, culture, DateTimeStyles.None, out DateOnly day) ? new DateOnly(day.Year, day.Month, 1)
        : null;

    private static object? Timestamp(string text, CultureInfo culture) =>
        DateTimeOffset.TryParseExact(text, Times, culture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.ToUniversalTime()
            : null;

    private static bool OutOfRange(InputColumn column, object value) =>
        value switch
        {
            DateOnly day => day.Year is < InputTables.FirstYear or > InputTables.LastYear,
            DateTimeOffset time => time.Year is < InputTables.FirstYear or > InputTables.LastYear,
            string => false,
            IConvertible number => number.ToDouble(CultureInfo.InvariantCulture) is var size && (size < column.Least || size > column.Most),
            _ => false,
        };

    private static object Least(InputColumn column) => IsDated(column) ? InputTables.FirstYear : column.Least ?? double.NegativeInfinity;

    private static object Most(InputColumn column) => IsDated(column) ? InputTables.LastYear : column.Most ?? double.PositiveInfinity;

    private static bool IsDated(InputColumn column) => column.Kind is ColumnKind.Day or ColumnKind.Month or ColumnKind.Timestamp;

    private static bool IsJson(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
