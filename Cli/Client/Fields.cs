using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Durable.Cli.Client;

/// <summary>Reads JSON whose names may be PascalCase (worker serializer) or camelCase (ASP.NET Core).</summary>
internal static class Fields
{
    /// <summary>The member with this name, ignoring case, or null.</summary>
    public static JsonNode? Field(this JsonNode? node, string name) =>
        node is JsonObject members ? members.FirstOrDefault(m => m.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value : null;

    /// <summary>The member as text: a string as it is, anything else as JSON; empty when absent or null.</summary>
    public static string Text(this JsonNode? node, string name) => Plain(node.Field(name));

    /// <summary>The member as a whole number, or null.</summary>
    public static long? Number(this JsonNode? node, string name) =>
        node.Field(name) is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number)
            ? (long)number
            : null;

    /// <summary>A value as text for a cell.</summary>
    public static string Plain(JsonNode? value) =>
        value switch
        {
            null => string.Empty,
            JsonValue text when text.GetValueKind() == JsonValueKind.String => text.GetValue<string>(),
            JsonValue number when number.GetValueKind() == JsonValueKind.Number => number.ToJsonString(),
            _ => value.ToJsonString(),
        };

    /// <summary>A readable time, in UTC; other text unchanged.</summary>
    public static string Time(this JsonNode? node, string name)
    {
        string text = node.Text(name);
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)
            : text;
    }
}
