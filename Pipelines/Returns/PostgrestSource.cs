using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Durable.Postgres;

namespace Durable.Pipelines.Returns;

/// <summary>The source's tables over PostgREST, page by page.</summary>
/// <remarks>
/// A page starts at the last key read and skips known rows with that key: concurrent inserts and deletes shift nothing. The server may
/// silently truncate a page, so only an empty page is the end. Retried: no answer, 503, 504, 429, and 500 with an SQLSTATE of class 40 or
/// 57. Never another 4xx.
/// </remarks>
public sealed class PostgrestSource(HttpClient http, ReturnsOptions options, TimeProvider clock) : IReturnsSource
{
    private const int Page = 1000,
        Tries = 5;

    public async IAsyncEnumerable<JsonElement> ReadAsync(
        SourceTable table,
        DateTime? sinceUtc,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        string? from = sinceUtc?.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture);
        string? last = null;
        int known = 0;
        while (true)
        {
            string filter = (last ?? from) is { } key ? $"gte.{Uri.EscapeDataString(key)}" : "not.is.null";
            IReadOnlyList<JsonElement> rows = await GetAsync(
                table,
                $"&order={table.Key}.asc&{table.Key}={filter}&limit={Page}&offset={known}",
                cancellationToken
            );
            if (rows.Count == 0)
                yield break;
            foreach (JsonElement row in rows)
            {
                yield return row;
                string? read = row.GetProperty(table.Key).GetString();
                known = read == last ? known + 1 : 1;
                last = read;
            }
        }
    }

    public async Task<JsonElement?> ReadNewestAsync(SourceTable table, CancellationToken cancellationToken = default) =>
        await GetAsync(table, $"&order={table.Key}.desc&{table.Key}=not.is.null&limit=1", cancellationToken) is [JsonElement newest, ..]
            ? newest
            : null;

    private async Task<IReadOnlyList<JsonElement>> GetAsync(SourceTable table, string query, CancellationToken cancellationToken)
    {
        Uri address = new($"{options.SupabaseUrl.TrimEnd('/')}/rest/v1/{table.Name}?select={string.Join(',', table.Columns)}{query}");
        for (int attempt = 1; ; attempt++)
        {
            (IReadOnlyList<JsonElement>? rows, string problem) = await TryAsync(address, table, cancellationToken);
            if (rows is not null)
                return rows;
            if (attempt == Tries)
                throw new SourceUnavailableException($"{table.Name} could not be read from {address.Host} in {Tries} attempts: {problem}");
            await Task.Delay(TimeSpan.FromMilliseconds(200 * Math.Pow(2, attempt)), clock, cancellationToken);
        }
    }

    /// <returns>The rows, or why to retry.</returns>
    /// <exception cref="SourceRefusedException">A retry is pointless.</exception>
    private async Task<(IReadOnlyList<JsonElement>? Rows, string Problem)> TryAsync(
        Uri address,
        SourceTable table,
        CancellationToken cancellationToken
    )
    {
        try
        {
            using HttpRequestMessage request = new(HttpMethod.Get, address);
            request.Headers.Add("apikey", options.SupabaseKey);
            request.Headers.Add("Authorization", "Bearer " + options.SupabaseKey);
            using HttpResponseMessage response = await http.SendAsync(request, cancellationToken);
            string body = await response.Content.ReadAsStringAsync(cancellationToken);
            if (response.IsSuccessStatusCode)
                return (Rows(table, body), "");
            string problem = Redaction.Redact($"{(int)response.StatusCode} {(body.Length <= 200 ? body : body[..200])}");
            return IsPassing(response.StatusCode, body)
                ? (null, problem)
                : throw new SourceRefusedException($"{table.Name} could not be read from {address.Host}: {problem}");
        }
        catch (Exception error)
            when (error is HttpRequestException or IOException
                || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            )
        {
            return (null, error.Message); // no answer, a partial answer, or a timeout
        }
    }

    private static IReadOnlyList<JsonElement> Rows(SourceTable table, string body)
    {
        try
        {
            JsonElement json = JsonSerializer.Deserialize<JsonElement>(body);
            if (json.ValueKind == JsonValueKind.Array)
                return [.. json.EnumerateArray()];
        }
        catch (JsonException)
        {
            // As below.
        }

        throw new SourceRefusedException(
            $"{table.Name}: the answer is not a JSON array of rows: {(body.Length <= 200 ? body : body[..200])}"
        );
    }

    private static bool IsPassing(HttpStatusCode status, string body) =>
        status switch
        {
            HttpStatusCode.ServiceUnavailable
            or HttpStatusCode.GatewayTimeout
            or HttpStatusCode.BadGateway
            or HttpStatusCode.TooManyRequests => true,
            HttpStatusCode.InternalServerError => SqlState(body) is { } state
                && (state.StartsWith("40", StringComparison.Ordinal) || state.StartsWith("57", StringComparison.Ordinal)),
            _ => false,
        };

    private static string? SqlState(string body)
    {
        try
        {
            return
                JsonSerializer.Deserialize<JsonElement>(body) is { ValueKind: JsonValueKind.Object } error
                && error.TryGetProperty("code", out JsonElement code)
                ? code.ToString()
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
