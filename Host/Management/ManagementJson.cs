using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Durable.Host.Management;

/// <summary>JSON as the extension writes it: minimal escaping, stored JSON unchanged.</summary>
internal static class ManagementJson
{
    private const int FlushBytes = 64 << 10;
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Answers with JSON. Nothing is sent when <paramref name="write"/> throws.</summary>
    public static async Task WriteAsync(HttpResponse response, int status, Action<Utf8JsonWriter> write, CancellationToken cancellation)
    {
        ArrayBufferWriter<byte> buffer = new();
        await using (Utf8JsonWriter writer = new(buffer, Options))
        {
            write(writer);
        }

        response.StatusCode = status;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = buffer.WrittenCount;
        await response.Body.WriteAsync(buffer.WrittenMemory, cancellation);
    }

    /// <summary>Answers 200 with an array, streamed: at most one item is in memory twice.</summary>
    public static async Task WriteArrayAsync<T>(
        HttpResponse response,
        IEnumerable<T> items,
        Action<Utf8JsonWriter, T> write,
        CancellationToken cancellation
    )
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "application/json; charset=utf-8";
        await using Utf8JsonWriter writer = new(response.BodyWriter, Options);
        writer.WriteStartArray();
        foreach (T item in items)
        {
            write(writer, item);
            await writer.FlushAsync(cancellation);
            if (response.BodyWriter.UnflushedBytes > FlushBytes)
                await response.BodyWriter.FlushAsync(cancellation);
        }

        writer.WriteEndArray();
    }

    /// <summary>Writes a stored value: null for none, JSON as it is, anything else as a string.</summary>
    public static void WriteStored(this Utf8JsonWriter writer, string? value)
    {
        if (string.IsNullOrWhiteSpace(value))
            writer.WriteNullValue();
        else if (IsJson(value))
            writer.WriteRawValue(value, skipInputValidation: true);
        else
            writer.WriteStringValue(value);
    }

    /// <summary>A named value, see <see cref="WriteStored(Utf8JsonWriter, string)"/>.</summary>
    public static void WriteStored(this Utf8JsonWriter writer, string name, string? value)
    {
        writer.WritePropertyName(name);
        writer.WriteStored(value);
    }

    /// <summary>An error without an exception.</summary>
    public static Task WriteErrorAsync(HttpContext http, int status, string message) =>
        WriteAsync(
            http.Response,
            status,
            json =>
            {
                json.WriteStartObject();
                json.WriteString("Message", message);
                json.WriteEndObject();
            },
            http.RequestAborted
        );

    /// <summary>An error with its exception, as the extension shows it, but without the stack trace: callers must not learn
    /// internals.</summary>
    public static Task WriteErrorAsync(HttpContext http, int status, string message, string exceptionType, string exceptionMessage) =>
        WriteAsync(
            http.Response,
            status,
            json =>
            {
                json.WriteStartObject();
                json.WriteString("Message", message);
                json.WriteString("ExceptionMessage", exceptionMessage);
                json.WriteString("ExceptionType", exceptionType);
                json.WriteString("StackTrace", "not shown");
                json.WriteEndObject();
            },
            http.RequestAborted
        );

    /// <summary>Whether it is strict JSON of depth 512 or less.</summary>
    public static bool IsJson(string text)
    {
        Utf8JsonReader reader = new(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { MaxDepth = 512 });
        try
        {
            while (reader.Read()) { }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
