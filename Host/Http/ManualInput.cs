using System.Text.Json;

namespace Durable.Host.Http;

/// <summary>Input that an operator typed: JSON if it is JSON, else a text.</summary>
internal static class ManualInput
{
    /// <summary>JSON text; null for null and for empty input.</summary>
    public static string? AsJson(string? input) => AsElement(input)?.GetRawText();

    /// <summary>The same as an element.</summary>
    public static JsonElement? AsElement(string? input)
    {
        if (string.IsNullOrEmpty(input))
            return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(input);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return JsonSerializer.SerializeToElement(input);
        }
    }
}
