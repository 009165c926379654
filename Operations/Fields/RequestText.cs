using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Postgres;

namespace Durable.Operations.Fields;

/// <summary>Text from requests: text that the database cannot store is refused first.</summary>
public static class RequestText
{
    /// <summary>The reason for refusing such text.</summary>
    public const string Refusal = "holds characters that cannot be stored";

    /// <summary>For the body of a call: unknown or duplicate members, numbers in quotes and text that cannot be stored are
    /// <see cref="JsonException"/>s.</summary>
    public static JsonSerializerOptions Strict { get; } =
        new(JsonSerializerDefaults.Web)
        {
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            AllowDuplicateProperties = false,
            NumberHandling = JsonNumberHandling.Strict,
            Converters = { new StorableString() },
        };

    /// <summary>Whether it has no control characters and no unpaired surrogates.</summary>
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
                throw new JsonException(Refusal); // not a string, or an unpaired surrogate written as an escape
            }
        }

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }
}
