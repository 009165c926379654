using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Postgres;

namespace Durable.Operations.Fields;

/// <summary>Text as requests bring it: what the database cannot store is refused before anything is done with it.</summary>
public static class RequestText
{
    /// <summary>Why a field with such text is refused.</summary>
    public const string Refusal = "holds characters that cannot be stored";

    /// <summary>For the body of a call: unknown members, members given twice, numbers in quotes and text that cannot be stored are
    /// <see cref="JsonException"/>s.</summary>
    public static JsonSerializerOptions Strict { get; } =
        new(JsonSerializerDefaults.Web)
        {
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            AllowDuplicateProperties = false,
            NumberHandling = JsonNumberHandling.Strict,
            Converters = { new StorableString() },
        };

    /// <summary>Whether it has no control characters and no half of a surrogate pair.</summary>
    public static bool IsStorable(string text) => !text.Any(char.IsControl) && ReferenceEquals(StorableText.Clean(text), text);

    private sealed class StorableString : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            try
            {
                return reader.GetString() is { } text && IsStorable(text) ? text : throw new JsonException(Refusal);
            }
            catch (InvalidOperationException)
            {
                throw new JsonException(Refusal); // not a text, or half a surrogate pair, written as an escape
            }
        }

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }
}
