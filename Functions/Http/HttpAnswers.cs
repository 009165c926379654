using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Postgres;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions.Http;

/// <summary>Helpers for HTTP functions.</summary>
internal static class HttpAnswers
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };
    private static readonly JsonSerializerOptions Redacted = new(Json) { Converters = { new RedactedText() } };

    public static IEnumerable<KeyValuePair<string, string?>> QueryPairs(this HttpRequestData request) =>
        request.Query.AllKeys.OfType<string>().Select(name => KeyValuePair.Create(name, request.Query[name]));

    public static Task<HttpResponseData> AnswerAsync(
        this HttpRequestData request,
        HttpStatusCode status,
        object body,
        CancellationToken cancellationToken
    ) => request.WriteAsync(status, body, Json, cancellationToken);

    private static async Task<HttpResponseData> WriteAsync(
        this HttpRequestData request,
        HttpStatusCode status,
        object body,
        JsonSerializerOptions options,
        CancellationToken cancellationToken
    )
    {
        HttpResponseData response = request.CreateResponse(status);
        response.Headers.Add("Content-Type", "application/json; charset=utf-8");
        await response.WriteStringAsync(JsonSerializer.Serialize(body, options), cancellationToken);
        return response;
    }

    /// <summary>Answers with the reason of a refusal. It may include errors of drivers and clients, so every text is redacted.</summary>
    public static Task<HttpResponseData> RefuseAsync(
        this HttpRequestData request,
        HttpStatusCode status,
        object reason,
        CancellationToken cancellationToken
    ) => request.WriteAsync(status, reason, Redacted, cancellationToken);

    /// <inheritdoc cref="RefuseAsync(HttpRequestData, HttpStatusCode, object, CancellationToken)"/>
    public static Task<HttpResponseData> RefuseAsync(
        this HttpRequestData request,
        HttpStatusCode status,
        string error,
        CancellationToken cancellationToken
    ) => request.RefuseAsync(status, new { error }, cancellationToken);

    private sealed class RedactedText : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString();

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Redaction.Redact(value));

        public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WritePropertyName(value);
    }
}
