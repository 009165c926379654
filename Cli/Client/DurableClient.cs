using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Durable.Cli.Client;

/// <summary>The host's answer.</summary>
/// <param name="Status">HTTP status, below 400 unless the caller allowed it.</param>
/// <param name="Body">JSON, or null when there was none.</param>
/// <param name="ContinuationToken">More pages follow when not null.</param>
internal sealed record Answer(HttpStatusCode Status, JsonNode? Body, string? ContinuationToken);

/// <summary>The management API and the function routes of one host. The same for the embedded host, <c>func start</c> and Azure.</summary>
/// <param name="baseUrl">Scheme, address, port.</param>
/// <param name="key">Sent as <c>x-functions-key</c>, never in the address, which ends up in logs.</param>
internal sealed class DurableClient(Uri baseUrl, string? key) : IDisposable
{
    private const string Token = "x-ms-continuation-token";
    private static readonly TimeSpan LongestRequest = TimeSpan.FromMinutes(10); // generating a large sample is one request
    private const string Management = "runtime/webhooks/durabletask/";

    // A redirect could carry the key to another host.
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(10) })
    {
        BaseAddress = new Uri(baseUrl.AbsoluteUri.TrimEnd('/') + "/"),
        Timeout = Timeout.InfiniteTimeSpan, // SendAsync sets it
    };

    /// <summary>Address of the host.</summary>
    public Uri BaseUrl => http.BaseAddress!;

    /// <summary>Closes the connections.</summary>
    public void Dispose() => http.Dispose();

    /// <summary>A route of the management API, <c>instances/…</c>.</summary>
    /// <param name="allow">An error status that the caller handles itself.</param>
    public Task<Answer> ManageAsync(
        HttpMethod method,
        string route,
        string? json,
        CancellationToken cancellation,
        string? continuation = null,
        params IReadOnlyList<HttpStatusCode> allow
    ) => SendAsync(method, Management + route, json, cancellation, continuation, allow);

    /// <summary>A route of the app, <c>climate/…</c> under <c>/api</c>.</summary>
    /// <param name="allow">An error status that the caller handles itself.</param>
    public Task<Answer> CallAsync(
        HttpMethod method,
        string route,
        string? json,
        CancellationToken cancellation,
        params IReadOnlyList<HttpStatusCode> allow
    ) => SendAsync(method, "api/" + route, json, cancellation, continuation: null, allow);

    /// <summary>Sends a file to a route of the app, without a timeout.</summary>
    public Task<Answer> UploadAsync(string route, HttpContent content, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, "api/" + route, json: null, cancellation, content: content);

    /// <summary>Sends one request.</summary>
    /// <exception cref="CommandFailedException">No host answers (3), the host is not ready (3), bad values or key (2), any other refusal
    /// (1).</exception>
    public async Task<Answer> SendAsync(
        HttpMethod method,
        string path,
        string? json,
        CancellationToken cancellation,
        string? continuation = null,
        IReadOnlyList<HttpStatusCode>? allow = null,
        HttpContent? content = null
    )
    {
        using HttpRequestMessage request = new(method, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (key is { Length: > 0 })
            request.Headers.Add("x-functions-key", key);
        if (continuation is not null)
            request.Headers.Add(Token, continuation);
        request.Content = content;
        if (json is not null)
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");

        using HttpResponseMessage response = await ReachAsync(
            request,
            content is null ? LongestRequest : Timeout.InfiniteTimeSpan,
            cancellation
        );
        string text = await response.Content.ReadAsStringAsync(cancellation);
        if ((int)response.StatusCode >= 400 && allow?.Contains(response.StatusCode) != true)
            throw Refusals.Of(response.StatusCode, Json(text));
        return new Answer(
            response.StatusCode,
            Json(text),
            response.Headers.TryGetValues(Token, out IEnumerable<string>? tokens) ? tokens.First() : null
        );
    }

    private async Task<HttpResponseMessage> ReachAsync(HttpRequestMessage request, TimeSpan limit, CancellationToken cancellation)
    {
        using CancellationTokenSource ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ends.CancelAfter(limit);
        try
        {
            return await http.SendAsync(request, ends.Token);
        }
        catch (HttpRequestException e)
        {
            throw new CommandFailedException(
                ExitCode.Unreachable,
                $"No host answers at {BaseUrl} ({e.Message}). Start one with ./run serve, or give --url."
            );
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandFailedException(ExitCode.Unreachable, $"The host at {BaseUrl} did not answer in time.");
        }
    }

    private static JsonNode? Json(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}
