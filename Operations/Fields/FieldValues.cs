using System.Globalization;
using System.Text.Json;
using Durable.Postgres;

namespace Durable.Operations.Fields;

/// <summary>
/// The options of one request, read by their table: absent options have their default, invalid ones are errors under their field's name.
/// Unknown names, duplicate names and text that cannot be stored are errors too, so that nobody starts a run they did not mean.
/// </summary>
public sealed class FieldValues
{
    /// <summary>Key of errors in the body as a whole.</summary>
    public const string Body = "body";

    private static readonly string[] Edges = ["south", "west", "north", "east"];

    private readonly IReadOnlyList<Field> fields;
    private readonly Dictionary<string, string> given = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> errors = new(StringComparer.Ordinal);

    private FieldValues(IReadOnlyList<Field> fields) => this.fields = fields;

    /// <summary>Errors by field; empty when the options are valid.</summary>
    public IReadOnlyDictionary<string, string> Errors => errors;

    /// <summary>Reads a JSON object and query pairs; a query pair overrides a member of the body.</summary>
    /// <param name="fields">The table.</param>
    /// <param name="json">JSON object, or blank for none.</param>
    /// <param name="query">Pairs of a query string; <c>code</c>, the key, is ignored.</param>
    public static FieldValues Read(IReadOnlyList<Field> fields, string? json, IEnumerable<KeyValuePair<string, string?>> query)
    {
        FieldValues values = new(fields);
        values.ReadBody(json);
        HashSet<string> seen = [];
        foreach ((string name, string? value) in query)
        {
            if (name is not "code" && values.Find(name) is { } field && values.Once(seen, field.Name))
                values.Put(field, value ?? "");
        }

        return values;
    }

    /// <summary>Whether the field was given, valid or not.</summary>
    public bool Has(string name) => given.ContainsKey(name) || errors.ContainsKey(name);

    /// <summary>Adds an error that only the caller can detect, such as an end before its start.</summary>
    public void Refuse(string name, string reason) => errors.TryAdd(name, reason);

    public int Whole(string name)
    {
        Field field = Field(name);
        if (!given.TryGetValue(name, out string? text))
            return Convert.ToInt32(field.Default, CultureInfo.InvariantCulture);
        if (
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            && number >= field.Least
            && number <= field.Most
        )
            return number;
        return Wrong(field, text, "is out of range", Range(field), 0);
    }

    public double Number(string name)
    {
        Field field = Field(name);
        if (!given.TryGetValue(name, out string? text))
            return Convert.ToDouble(field.Default, CultureInfo.InvariantCulture);
        if (
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && number >= field.Least
            && number <= field.Most
        )
            return number;
        return Wrong(field, text, "is out of range", Range(field), 0.0);
    }

    public bool Flag(string name)
    {
        if (!given.TryGetValue(name, out string? text))
            return false;
        if (text is "" or "1" || text.Equals("true", StringComparison.OrdinalIgnoreCase))
            return true;
        return text is not "0"
            && !text.Equals("false", StringComparison.OrdinalIgnoreCase)
            && Wrong(Field(name), text, "is no truth value", "true, false", false);
    }

    public string Choice(string name)
    {
        Field field = Field(name);
        if (!given.TryGetValue(name, out string? text))
            return (string)field.Default!;
        return field.Allowed!.FirstOrDefault(word => word.Equals(text, StringComparison.OrdinalIgnoreCase))
            ?? Wrong(field, text, "is not known", string.Join(", ", field.Allowed!), (string)field.Default!);
    }

    public T Choice<T>(string name)
        where T : struct, Enum => StoredText.Read<T>(Choice(name));

    /// <summary>In table order, each once.</summary>
    public IReadOnlyList<string> List(string name)
    {
        Field field = Field(name);
        if (!given.TryGetValue(name, out string? text) || text.Equals("all", StringComparison.OrdinalIgnoreCase))
            return field.Allowed!;
        string[] words = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string[] unknown = [.. words.Where(word => !field.Allowed!.Contains(word, StringComparer.OrdinalIgnoreCase))];
        if (unknown.Length > 0 || words.Length == 0)
            return Wrong(
                field,
                unknown.Length > 0 ? string.Join(", ", unknown) : text,
                "is not known",
                $"all, {string.Join(", ", field.Allowed!)}",
                field.Allowed!
            );
        return [.. field.Allowed!.Where(word => words.Contains(word, StringComparer.OrdinalIgnoreCase))];
    }

    /// <summary>Null when absent or empty.</summary>
    public string? Text(string name)
    {
        Field field = Field(name);
        if (!given.TryGetValue(name, out string? text) || text.Length == 0)
            return (string?)field.Default;
        return text.Length <= (field.Most ?? int.MaxValue)
            ? text
            : Wrong(
                field,
                text[..Math.Min(20, text.Length)] + "…",
                $"has {text.Length} characters",
                $"at most {field.Most}",
                (string?)null
            );
    }

    private void ReadBody(string? json)
    {
        if (string.IsNullOrWhiteSpace(json))
            return;
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                errors[Body] = "not a JSON object";
                return;
            }

            HashSet<string> seen = [];
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (Find(property.Name) is not { } field || !Once(seen, field.Name) || property.Value.ValueKind == JsonValueKind.Null)
                    continue;
                if (Shown(property.Value, field.Kind) is { } text)
                    Put(field, text);
                else
                    errors.TryAdd(field.Name, $"{property.Value.ValueKind} is not what is wanted; allowed: {Wanted(field)}");
            }
        }
        catch (JsonException error)
        {
            errors[Body] = $"not JSON: {error.Message}";
        }
        catch (InvalidOperationException)
        {
            errors[Body] = "holds half a surrogate pair, which is no text"; // of a name or string, written as an escape
        }
    }

    private static string? Shown(JsonElement value, FieldKind kind) =>
        (value.ValueKind, kind) switch
        {
            (JsonValueKind.String, _) => value.GetString(),
            (JsonValueKind.True or JsonValueKind.False, FieldKind.Flag) => value.GetRawText(),
            (JsonValueKind.Number, FieldKind.Whole or FieldKind.Number) => value.GetRawText(),
            (JsonValueKind.Array, FieldKind.List or FieldKind.Box) => Joined(value.EnumerateArray()),
            (JsonValueKind.Object, FieldKind.Box) => Joined(
                Edges.Select(name => value.TryGetProperty(name, out JsonElement edge) ? edge : default)
            ),
            _ => null,
        };

    private static string? Joined(IEnumerable<JsonElement> parts)
    {
        List<string> texts = [];
        foreach (JsonElement part in parts)
        {
            if (part.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
                return null;
            texts.Add(part.ValueKind == JsonValueKind.String ? part.GetString()! : part.GetRawText());
        }

        return string.Join(',', texts);
    }

    private Field? Find(string name)
    {
        if (fields.FirstOrDefault(field => field.IsCalled(name)) is { } found)
            return found;
        errors.TryAdd(StorableText.Clean(name), $"unknown field; allowed: {string.Join(", ", fields.Select(field => field.Name))}");
        return null;
    }

    private bool Once(HashSet<string> seen, string name)
    {
        if (seen.Add(name))
            return true;
        errors[name] = "is given twice";
        return false;
    }

    private void Put(Field field, string text)
    {
        if (RequestText.IsStorable(text))
            given[field.Name] = text;
        else
            errors.TryAdd(field.Name, RequestText.Refusal);
    }

    private Field Field(string name) => fields.First(field => field.Name == name);

    private T Wrong<T>(Field field, string text, string why, string allowed, T instead)
    {
        errors.TryAdd(field.Name, $"'{text}' {why}; allowed: {allowed}");
        return instead;
    }

    private static string Range(Field field) => FormattableString.Invariant($"{field.Least} to {field.Most}");

    private static string Wanted(Field field) =>
        field.Kind switch
        {
            FieldKind.Whole or FieldKind.Number => Range(field),
            FieldKind.Flag => "true, false",
            FieldKind.Choice or FieldKind.List => string.Join(", ", field.Allowed!),
            FieldKind.Day => "a day as YYYY-MM-DD",
            FieldKind.Box => string.Join(',', Edges) + " in degrees",
            _ => "a text",
        };
}
