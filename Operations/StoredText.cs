using System.Text.Json;
using System.Text.Json.Serialization;

namespace Durable.Operations;

/// <summary>The text by which the members of an enum are stored, sent and shown: their names in lower case. Renaming a member is a
/// migration.</summary>
public static class StoredText
{
    /// <summary>The text of a member.</summary>
    public static string Text<T>(this T member)
        where T : struct, Enum => member.ToString().ToLowerInvariant();

    /// <summary>The member of a text.</summary>
    /// <exception cref="FormatException">No member has it: a newer version wrote it.</exception>
    public static T Read<T>(string text)
        where T : struct, Enum
    {
        foreach (T member in Enum.GetValues<T>())
        {
            if (member.Text() == text)
                return member;
        }

        throw new FormatException($"'{text}' is no {typeof(T).Name}; known are {string.Join(", ", Enum.GetValues<T>().Select(Text))}.");
    }
}

/// <summary>An enum in JSON as <see cref="StoredText"/> has it.</summary>
public sealed class StoredTextConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    /// <inheritdoc />
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        StoredText.Read<T>(reader.GetString()!);

    /// <inheritdoc />
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.Text());
}
