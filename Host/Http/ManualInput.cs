using System.Text.Json;

namespace Durable.Host.Http;

/// <summary>Input typed by an operator: JSON if it parses, else a text.</summary>
internal static class ManualInput
{
    /// <summary>JSON text; null for null and for empty input.</summary>
    public static string? AsJson(string? input) => AsElement(input)?.GetRawText();

    /// <summary>The same as a JSON element.</summary>
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
