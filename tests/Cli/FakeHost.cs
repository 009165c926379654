using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Durable.Tests.Cli;

/// <summary>A real HTTP server on loopback that answers from a script and remembers what it was asked.</summary>
internal sealed class FakeHost : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, Func<Asked, Reply>> routes = new();

    private FakeHost(WebApplication app) => this.app = app;

    public string Url => this.app.Urls.First();

    public ConcurrentQueue<Asked> Requests { get; } = [];

    public static async Task<FakeHost> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        FakeHost host = new(builder.Build());
        host.app.Run(host.AnswerAsync);
        await host.app.StartAsync();
        return host;
    }

    /// <summary>Answers <c>METHOD /path</c>; a second call replaces the first.</summary>
    public FakeHost On(string route, Func<Asked, Reply> reply)
    {
        routes[route] = reply;
        return this;
    }

    public FakeHost On(string route, int status, string json) => On(route, _ => new Reply(status, json));

    public async ValueTask DisposeAsync() => await this.app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        using StreamReader reader = new(http.Request.Body, Encoding.UTF8);
        Asked asked = new(
            http.Request.Method,
            http.Request.Path.Value!,
            WebUtility.UrlDecode(http.Request.QueryString.Value ?? string.Empty),
            await reader.ReadToEndAsync(),
            http.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase)
        );
        Requests.Enqueue(asked);
        Reply reply = routes.TryGetValue($"{asked.Method} {asked.Path}", out Func<Asked, Reply>? script)
            ? script(asked)
            : new Reply(404, string.Empty);
        http.Response.StatusCode = reply.Status;
        if (reply.ContinuationToken is not null)
            http.Response.Headers["x-ms-continuation-token"] = reply.ContinuationToken;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(reply.Json);
    }
}

internal sealed record Asked(string Method, string Path, string Query, string Body, Dictionary<string, string> Headers);

internal sealed record Reply(int Status, string Json, string? ContinuationToken = null);
