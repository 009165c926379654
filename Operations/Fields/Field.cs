using System.Text.Json.Serialization;

namespace Durable.Operations.Fields;

/// <summary>Type of an option's value.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FieldKind>))]
public enum FieldKind
{
    /// <summary>A whole number.</summary>
    Whole,

    /// <summary>A number with decimals.</summary>
    Number,

    /// <summary>true or false; without a value, true.</summary>
    Flag,

    /// <summary>One of several words.</summary>
    Choice,

    /// <summary>Some of several words, comma-separated, or all.</summary>
    List,

    /// <summary>A day, YYYY-MM-DD.</summary>
    Day,

    /// <summary>A rectangle: south,west,north,east in degrees; in JSON also an object with these names.</summary>
    Box,

    /// <summary>Any text.</summary>
    Text,
}

/// <summary>An option of a request: its name and allowed values, stated once. It is used both to read requests and to show
/// clients.</summary>
/// <param name="Name">As shown; requests may also use dashes or underscores, in any case.</param>
/// <param name="Kind">What the value is.</param>
/// <param name="About">What it does, in one sentence.</param>
/// <param name="Default">Value when absent; null: none.</param>
/// <param name="Least">Smallest number, or fewest characters.</param>
/// <param name="Most">Largest number, or most characters.</param>
/// <param name="Allowed">Words of a choice or list.</param>
public sealed record Field(
    string Name,
    FieldKind Kind,
    string About,
    object? Default = null,
    double? Least = null,
    double? Most = null,
    IReadOnlyList<string>? Allowed = null
)
{
    /// <summary>Alternative names.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>A whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static Field Whole(string name, string about, int standard, int least, int most) =>
        new(name, FieldKind.Whole, about, standard, least, most);

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static Field Number(string name, string about, double standard, double least, double most) =>
        new(name, FieldKind.Number, about, standard, least, most);

    /// <summary>A switch, off by default.</summary>
    public static Field Flag(string name, string about) => new(name, FieldKind.Flag, about, false);

    /// <summary>One of <paramref name="allowed"/>.</summary>
    public static Field Choice(string name, string about, string standard, IReadOnlyList<string> allowed) =>
        new(name, FieldKind.Choice, about, standard, Allowed: allowed);

    /// <summary>A member of <typeparamref name="T"/>, by its text.</summary>
    public static Field Choice<T>(string name, string about, T standard)
        where T : struct, Enum => Choice(name, about, standard.Text(), StoredText.All<T>());

    /// <summary>Some of <paramref name="allowed"/>; default all.</summary>
    public static Field List(string name, string about, IReadOnlyList<string> allowed) =>
        new(name, FieldKind.List, about, "all", Allowed: allowed);

    /// <summary>A day; the caller checks which days are allowed.</summary>
    public static Field Day(string name, string about) => new(name, FieldKind.Day, about);

    /// <summary>A text of at most <paramref name="most"/> characters.</summary>
    public static Field Text(string name, string about, int most, string? standard = null) =>
        new(name, FieldKind.Text, about, standard, Most: most);

    internal bool IsCalled(string name) => Same(Name, name) || Aliases.Any(alias => Same(alias, name));

    private static bool Same(string a, string b) => Plain(a).Equals(Plain(b), StringComparison.OrdinalIgnoreCase);

    private static string Plain(string name) => name.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal);
}
