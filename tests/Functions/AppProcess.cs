using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Durable.Functions.Operations;
using Durable.Tests.Fixtures;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Tests.Functions;

/// <summary>The app as a user starts it: its own process, on a free port, with a fresh database.</summary>
internal sealed class AppProcess : IAsyncDisposable
{
    private static readonly string[] Timers =
    [
        .. from type in typeof(ReaperTimer).Assembly.GetTypes()
        from method in type.GetMethods()
        where method.GetParameters().Any(parameter => parameter.IsDefined(typeof(TimerTriggerAttribute)))
        select method.GetCustomAttribute<FunctionAttribute>()!.Name,
    ];

    private readonly Process process;
    private readonly HttpClient http;
    private readonly StringBuilder log;

    private AppProcess(Process process, HttpClient http, StringBuilder log, string connection) =>
        (this.process, this.http, this.log, Connection) = (process, http, log, connection);

    public string Connection { get; }

    public int ProcessId => process.Id;

    /// <param name="connection">Database of an earlier process, to go on where that one ended; null: a fresh one.</param>
    /// <param name="settings">Added to its environment.</param>
    /// <param name="onSchedule">False (default): its timers fire only when called. One that fires by the clock in the middle of a test
    /// would start runs of its own and meet faults that are meant for others.</param>
    public static async Task<AppProcess> StartAsync(
        string? connection = null,
        IReadOnlyDictionary<string, string>? settings = null,
        bool onSchedule = false
    )
    {
        AppProcess app = Launch(connection ?? await PostgresServer.CreateDatabaseAsync(), settings, onSchedule);
        await app.WaitUntilUpAsync();
        return app;
    }

    /// <inheritdoc cref="StartAsync"/>
    /// <summary>The same without waiting until it is up.</summary>
    public static AppProcess Launch(string connection, IReadOnlyDictionary<string, string>? settings = null, bool onSchedule = false)
    {
        int port = FreePort();
        ProcessStartInfo start = new(
            "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "Durable.dll"), "--port", $"{port}", "--no-admin-key"]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = AppContext.BaseDirectory,
            Environment = { ["PostgresConnection"] = connection },
        };
        foreach (string timer in onSchedule ? [] : Timers)
            start.Environment[$"AzureWebJobs.{timer}.Disabled"] = "true";
        foreach ((string name, string value) in settings ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        Process process = Process.Start(start)!;
        StringBuilder log = new();
        process.OutputDataReceived += (_, line) =>
        {
            lock (log)
                log.AppendLine(line.Data);
        };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (log)
                log.AppendLine(line.Data);
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new AppProcess(
            process,
            new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Timeout.InfiniteTimeSpan },
            log,
            connection
        );
    }

    /// <summary>Ends the process at once, as a power cut would.</summary>
    public void Kill() => process.Kill();

    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(
        HttpMethod method,
        string path,
        string? body = null,
        TimeSpan? limit = null
    )
    {
        using CancellationTokenSource ends = new(limit ?? TimeSpan.FromMinutes(1));
        using HttpRequestMessage request = new(method, path)
        {
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
        };
        using HttpResponseMessage response = await http.SendAsync(request, ends.Token);
        string text = await response.Content.ReadAsStringAsync(ends.Token);
        return (response.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
    }

    /// <summary>Address of the app, without a slash at its end.</summary>
    public string Url => http.BaseAddress!.GetLeftPart(UriPartial.Authority);

    /// <summary>Posts a file as it is.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Body)> UploadAsync(string path, byte[] file, string type = "text/csv")
    {
        using ByteArrayContent content = new(file) { Headers = { ContentType = MediaTypeHeaderValue.Parse(type) } };
        using HttpResponseMessage response = await http.PostAsync(path, content);
        string text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
    }

    public Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, string? body = null) =>
        SendAsync(HttpMethod.Post, path, body ?? "");

    public Task<(HttpStatusCode Status, JsonElement Body)> GetAsync(string path, TimeSpan? limit = null) =>
        SendAsync(HttpMethod.Get, path, limit: limit);

    /// <summary>Waits until an instance has ended, for 3 minutes unless told otherwise, and returns its status.</summary>
    public async Task<JsonElement> WaitAsync(string instanceId, TimeSpan? limit = null)
    {
        JsonElement ended = default;
        await Eventually.HoldsAsync(
            async () =>
            {
                (HttpStatusCode status, ended) = await GetAsync($"/runtime/webhooks/durabletask/instances/{instanceId}");
                return status == HttpStatusCode.OK;
            },
            () => Task.FromResult($"{instanceId} did not end. {Log}"),
            (limit ?? TimeSpan.FromMinutes(3)).TotalSeconds
        );
        return ended;
    }

    public string Log
    {
        get
        {
            lock (log)
                return log.ToString();
        }
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private async Task WaitUntilUpAsync()
    {
        await Eventually.HoldsAsync(IsUpAsync, () => Task.FromResult($"the app did not come up: {Log}"));

        async Task<bool> IsUpAsync()
        {
            if (process.HasExited)
                throw new InvalidOperationException($"The app ended: {Log}");
            try
            {
                return (await GetAsync("/api/runs")).Status == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false; // not listening yet
            }
        }
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
