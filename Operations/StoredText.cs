using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Durable.Operations;

/// <summary>The text by which the members of an enum are stored, sent and shown: what <see cref="JsonStringEnumMemberNameAttribute"/> says,
/// else their names in lower case. Renaming a member is a migration.</summary>
public static class StoredText
{
    /// <summary>The text of a member.</summary>
    public static string Text<T>(this T member)
        where T : struct, Enum => Texts<T>.Of[member];

    /// <summary>The member of a text.</summary>
    /// <exception cref="FormatException">No member has this text: a newer version wrote it.</exception>
    public static T Read<T>(string text)
        where T : struct, Enum
    {
        foreach ((T member, string known) in Texts<T>.Of)
        {
            if (known == text)
                return member;
        }

        throw new FormatException($"'{text}' is not a {typeof(T).Name}; known are {string.Join(", ", All<T>())}.");
    }

    /// <summary>The texts of all members, in their order.</summary>
    public static IReadOnlyList<string> All<T>()
        where T : struct, Enum => [.. Enum.GetValues<T>().Select(Text)];

    private static class Texts<T>
        where T : struct, Enum
    {
        public static readonly Dictionary<T, string> Of = Enum.GetValues<T>().ToDictionary(member => member, TextOf);

        private static string TextOf(T member) =>
            typeof(T).GetField(member.ToString())!.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()?.Name
            ?? member.ToString().ToLowerInvariant();
    }
}

/// <summary>An enum in JSON, in the form of <see cref="StoredText"/>.</summary>
public sealed class StoredTextConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    /// <inheritdoc />
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        StoredText.Read<T>(reader.GetString()!);

    /// <inheritdoc />
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.Text());
}
