using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Host.History;
using Durable.Postgres;

namespace Durable.Host.Store;

/// <summary>JSON of the details stored with events and instances, and of refusals.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(EventDetail))]
[JsonSerializable(typeof(FailureInfo))]
[JsonSerializable(typeof(ParentLink))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
[JsonSerializable(typeof(IReadOnlyList<TurnRefusal>))]
internal sealed partial class HubJson : JsonSerializerContext
{
    /// <summary>Detail as text, or null.</summary>
    public static string? Write(EventDetail? detail) =>
        detail is null
            ? null
            : JsonSerializer.Serialize(
                detail.Failure is { } failure ? detail with { Failure = Safe(failure) } : detail,
                Default.EventDetail
            );

    /// <summary>Failure as text, or null.</summary>
    public static string? Write(FailureInfo? failure) =>
        failure is null ? null : JsonSerializer.Serialize(Safe(failure), Default.FailureInfo);

    /// <summary>Parent as text, or null.</summary>
    public static string? Write(ParentLink? parent) => parent is null ? null : JsonSerializer.Serialize(parent, Default.ParentLink);

    /// <summary>Tags as text, or null.</summary>
    public static string? Write(IReadOnlyDictionary<string, string>? tags) =>
        tags is { Count: > 0 } ? JsonSerializer.Serialize(tags, Default.IReadOnlyDictionaryStringString) : null;

    /// <summary>Detail from text. Invalid text gives a detail marked unreadable, which fails only its instance.</summary>
    public static EventDetail? ReadDetail(string? text)
    {
        if (text is null)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(text, Default.EventDetail);
        }
        catch (JsonException)
        {
            return new EventDetail { Unreadable = true };
        }
    }

    /// <summary>What the fence refuses.</summary>
    public static IReadOnlyList<TurnRefusal> ReadRefusals(string text) =>
        JsonSerializer.Deserialize(text, Default.IReadOnlyListTurnRefusal)!;

    // Stored texts are shown, and exceptions may contain connection strings and headers.
    private static FailureInfo Safe(FailureInfo failure) =>
        failure with
        {
            ErrorMessage = Redaction.Redact(failure.ErrorMessage),
            StackTrace = failure.StackTrace is { } trace ? Redaction.Redact(trace) : null,
            Inner = failure.Inner is { } inner ? Safe(inner) : null,
        };

    /// <summary>Failure from text.</summary>
    public static FailureInfo? ReadFailure(string? text) => text is null ? null : JsonSerializer.Deserialize(text, Default.FailureInfo);

    /// <summary>Parent from text.</summary>
    public static ParentLink? ReadParent(string? text) => text is null ? null : JsonSerializer.Deserialize(text, Default.ParentLink);

    /// <summary>Tags from text.</summary>
    public static IReadOnlyDictionary<string, string>? ReadTags(string? text) =>
        text is null ? null : JsonSerializer.Deserialize(text, Default.IReadOnlyDictionaryStringString);
}
