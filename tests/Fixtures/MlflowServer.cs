using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Durable.Tests.Fixtures;

/// <summary>A tracking server of its own (Sandbox/mlflow), which answers as a recorded one did. It ends with this object or with this
/// process.</summary>
public sealed class MlflowServer : IAsyncLifetime, IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mlflow-").FullName;
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private Process? process;

    public Uri Address { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        string ready = Path.Combine(folder, "ready");
        ProcessStartInfo start = new(
            "python3",
            [
                Path.Combine(SparkStandIn.Root, "Sandbox", "mlflow", "server.py"),
                "--port",
                "0",
                "--ready-file",
                ready,
                "--parent",
                Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
            ]
        );
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        process = Process.Start(start)!;
        for (Stopwatch watch = Stopwatch.StartNew(); !File.Exists(ready); await Task.Delay(20))
        {
            if (process.HasExited || watch.Elapsed > TimeSpan.FromSeconds(60))
                throw new InvalidOperationException("The tracking server did not start.");
        }

        Address = new Uri(await File.ReadAllTextAsync(ready));
    }

    /// <summary>The next calls of a path meet a fault: <c>500</c>, <c>lost-reply</c>, <c>hang</c> or <c>refuse</c>.</summary>
    public async Task FaultAsync(string path, string kind, int times = 1, int skip = 0) =>
        (
            await http.PostAsync(
                new Uri(Address, "/sandbox/faults"),
                new StringContent(
                    JsonSerializer.Serialize(
                        new
                        {
                            path,
                            kind,
                            times,
                            skip,
                        }
                    )
                )
            )
        ).EnsureSuccessStatusCode();

    public async Task ClearFaultsAsync() => (await http.DeleteAsync(new Uri(Address, "/sandbox/faults"))).EnsureSuccessStatusCode();

    /// <summary>Everything it holds: experiments, runs, models, artifacts.</summary>
    public Task<JsonElement> ReadAsync() => http.GetFromJsonAsync<JsonElement>(new Uri(Address, "/sandbox/"));

    /// <summary>What the REST API answers to a GET below <c>api/2.0/mlflow</c>; null when it refuses.</summary>
    public async Task<JsonElement?> GetAsync(string path)
    {
        using HttpResponseMessage answer = await http.GetAsync(new Uri(Address, "/api/2.0/mlflow/" + path));
        return answer.IsSuccessStatusCode ? await answer.Content.ReadFromJsonAsync<JsonElement>() : null;
    }

    /// <summary>Runs whose tag <c>durable.key</c> begins with a text.</summary>
    public async Task<IReadOnlyList<JsonElement>> RunsAsync(string key = "") =>
        [
            .. (await ReadAsync())
                .GetProperty("runs")
                .EnumerateObject()
                .Select(run => run.Value)
                .Where(run =>
                    run.GetProperty("tags").TryGetProperty("durable.key", out JsonElement tag)
                    && tag.GetString()!.StartsWith(key, StringComparison.Ordinal)
                ),
        ];

    /// <summary>Paths called so far, in order.</summary>
    public async Task<IReadOnlyList<string>> CallsAsync() => (await http.GetFromJsonAsync<string[]>(new Uri(Address, "/sandbox/calls")))!;

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref process, null) is not { } running)
            return;
        running.Kill();
        await running.WaitForExitAsync();
        running.Dispose();
        http.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();
}
