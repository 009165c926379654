using Durable.Host.Functions;
using Durable.Host.Http;
using Durable.Host.Management;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Durable.Tests.Host.Http;

/// <summary>The HTTP side of the host in this process, on a free port of 127.0.0.1, without engine and database.</summary>
internal sealed class TestHttpHost : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly DirectoryInfo folder;

    private TestHttpHost(WebApplication app, DirectoryInfo folder, TestLog log)
    {
        this.app = app;
        this.folder = folder;
        Log = log;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    public HttpClient Client { get; }

    public IServiceProvider Services => this.app.Services;

    /// <summary>Everything logged since the start.</summary>
    public TestLog Log { get; }

    public string KeyFile => Path.Combine(this.folder.FullName, ".local", "keys.json");

    public static async Task<TestHttpHost> StartAsync(
        Type functions,
        Dictionary<string, string?>? settings = null,
        string routePrefix = "api",
        string url = "http://127.0.0.1:0",
        Action<IServiceCollection>? services = null,
        params Func<FunctionExecutionDelegate, FunctionExecutionDelegate>[] middleware
    )
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("durable-http-");
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = folder.FullName });
        builder.Configuration.AddInMemoryCollection(settings ?? []);
        TestLog log = new();
        builder.Logging.AddProvider(log);
        builder.WebHost.UseKestrel().UseUrls(url).UseHostLimits();
        builder.Services.AddFunctionModel(FunctionCatalog.FromTypes([functions]), new FunctionPipeline(middleware));
        builder.Services.AddHttpFunctions(routePrefix, Path.Combine(folder.FullName, ".local", "keys.json"));
        services?.Invoke(builder.Services);
        WebApplication app = builder.Build();
        app.UseHttpFunctions();
        if (app.Services.GetService<ManagementApi>() is not null)
            ManagementEndpoints.Map(app);
        await app.StartAsync();
        return new TestHttpHost(app, folder, log);
    }

    /// <summary>Sends a request with a body of JSON unless it is null, and reads the whole answer.</summary>
    public async Task<Answer> SendAsync(
        string verb,
        string url,
        string? json = null,
        string? key = null,
        params (string Name, string Value)[] headers
    )
    {
        using HttpRequestMessage request = new(new HttpMethod(verb), url);
        if (json is not null)
            request.Content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        request.Headers.ExpectContinue = json?.Length > 1 << 20; // or a refusal would cut the sending short
        if (key is not null)
            request.Headers.Add("x-functions-key", key);
        foreach ((string name, string value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using HttpResponseMessage response = await Client.SendAsync(request);
        return new Answer(
            (int)response.StatusCode,
            response.Content.Headers.ContentType?.ToString(),
            await response.Content.ReadAsStringAsync(),
            response
                .Headers.Concat(response.Content.Headers)
                .ToDictionary(h => h.Key, h => string.Join(",", h.Value), StringComparer.OrdinalIgnoreCase)
        );
    }

    public Task<Answer> GetAsync(string url, string? key = null) => SendAsync("GET", url, null, key);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await this.app.DisposeAsync();
        this.folder.Delete(recursive: true);
    }
}

/// <summary>What came back.</summary>
internal sealed record Answer(int Status, string? ContentType, string Text, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>Fails unless status and text are these and an empty answer carries no Content-Type.</summary>
    public void Is(int status, string text = "", string? contentType = null)
    {
        Assert.Equal(status, Status);
        Assert.Equal(text, Text);
        Assert.Equal(contentType, ContentType);
    }
}

/// <summary>Keeps log lines for assertions.</summary>
internal sealed class TestLog : ILoggerProvider
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> lines = new();

    public IReadOnlyList<string> Lines => [.. this.lines];

    public ILogger CreateLogger(string categoryName) => new Writer(this.lines);

    public void Dispose() { }

    private sealed class Writer(System.Collections.Concurrent.ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => lines.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");
    }
}
