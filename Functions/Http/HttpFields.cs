using System.Net;
using System.Text;
using Durable.Operations.Fields;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions.Http;

/// <summary>The options of an HTTP request.</summary>
internal static class HttpFields
{
    /// <summary>Largest size of a request's options, in bytes.</summary>
    private const int MostBytes = 64 << 10;

    /// <summary>Reads the options from a JSON body, if any, and the query, which overrides it. Errors are in
    /// <see cref="FieldValues.Errors"/>.</summary>
    public static async Task<FieldValues> ReadFieldsAsync(
        this HttpRequestData request,
        IReadOnlyList<Field> fields,
        CancellationToken cancellationToken
    )
    {
        byte[] body = new byte[MostBytes + 1];
        int length = await request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellationToken);
        if (length <= MostBytes)
            return FieldValues.Read(fields, Text(body.AsSpan(0, length)), request.QueryPairs());
        FieldValues values = FieldValues.Read(fields, null, []);
        values.Refuse(FieldValues.Body, $"takes more than {MostBytes} bytes");
        return values;
    }

    /// <summary>400 with each bad field and what is allowed.</summary>
    public static Task<HttpResponseData> RefuseAsync(
        this HttpRequestData request,
        FieldValues values,
        CancellationToken cancellationToken
    ) => request.RefuseAsync(HttpStatusCode.BadRequest, new { error = "invalid options", fields = values.Errors }, cancellationToken);

    private static string Text(ReadOnlySpan<byte> body) =>
        Encoding.UTF8.GetString(body.StartsWith(Encoding.UTF8.Preamble) ? body[Encoding.UTF8.Preamble.Length..] : body);
}
