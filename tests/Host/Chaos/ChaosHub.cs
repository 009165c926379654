using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Host.Chaos;

/// <summary>A task hub with sample hosts on it: starts hosts and orchestrations, and checks in the database what became of them.</summary>
internal sealed class ChaosHub : IAsyncDisposable
{
    private const string HostJson = """
        {
          "version": "2.0",
          "logging": { "logLevel": { "default": "Information", "Microsoft.AspNetCore": "Warning" } },
          "extensions": { "durableTask": { "hubName": "ChaosHub", "extendedSessionsEnabled": true } }
        }
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("durable-chaos-").FullName;
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private readonly ConcurrentBag<SampleHost> hosts = [];
    private readonly ConcurrentDictionary<string, (Scenario Scenario, long Value)> started = new();
    private readonly string connection;
    private readonly NpgsqlDataSource database;

    private ChaosHub(string connection)
    {
        this.connection = connection;
        database = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(connection)
            {
                Pooling = true,
                MaxPoolSize = 8,
                SearchPath = "chaoshub,public",
            }
        );
    }

    /// <summary>Where requests go.</summary>
    public int Port { get; set; } = PrivatePostgres.FreePort();

    /// <summary>Orchestrations whose start was acknowledged.</summary>
    public int Started => started.Count;

    /// <summary>A hub on <paramref name="connection"/>, by default on its own database.</summary>
    public static async Task<ChaosHub> CreateAsync(string? connection = null)
    {
        ChaosHub hub = new(connection ?? await PostgresServer.CreateDatabaseAsync());
        await File.WriteAllTextAsync(Path.Combine(hub.folder, "host.json"), HostJson);
        await hub.QueryAsync<int>(
            """
            CREATE TABLE public.effects (instance_id text NOT NULL, step text NOT NULL, host int NOT NULL,
                at timestamptz NOT NULL DEFAULT clock_timestamp());
            SELECT 0
            """
        );
        return hub;
    }

    /// <summary>Starts a host on <paramref name="port"/>, by default where requests go.</summary>
    public SampleHost StartHost(int? port = null)
    {
        SampleHost host = SampleHost.Start(
            folder,
            new NpgsqlConnectionStringBuilder(connection) { Pooling = true, MaxPoolSize = 30 }.ConnectionString,
            port ?? Port
        );
        hosts.Add(host);
        return host;
    }

    /// <summary>Starts an orchestration; asks again until the start is acknowledged, whatever happens to the hosts.</summary>
    public async Task StartAsync(Scenario scenario, long value, string id, CancellationToken limit)
    {
        await StartAsync(scenario.Name, scenario.Input(value), id, limit);
        started[id] = (scenario, value);
        if (scenario == Scenario.Listen)
        {
            await PostAsync($"instances/{id}/raiseEvent/second", "7", limit);
            await PostAsync($"instances/{id}/raiseEvent/first", scenario.Input(value), limit);
        }
    }

    public async Task StartAsync(string name, string input, string id, CancellationToken limit)
    {
        // A start whose reply was lost may have been stored: a second one would find the instance, or replace it when it has ended already.
        while (
            !await TryPostAsync($"orchestrators/{name}/{id}", input, limit)
            && await QueryAsync<long>("SELECT count(*) FROM instances WHERE instance_id = $1", id) == 0
        )
        {
            await Task.Delay(100, limit);
        }
    }

    /// <summary>Keeps about <paramref name="atOnce"/> orchestrations of all kinds going until told to stop.</summary>
    public async Task LoadAsync(int atOnce, IReadOnlyList<Scenario> kinds, CancellationToken stop, int most = 4000)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(20));
        while (!stop.IsCancellationRequested && Started < most)
        {
            int running = (int)await UnfinishedAsync();
            int first = Started;
            await Task.WhenAll(
                Enumerable
                    .Range(first, Math.Max(0, atOnce - running))
                    .Select(n => StartAsync(kinds[n % kinds.Count], n, $"run-{n}", limit.Token))
            );
            await Task.Delay(50, CancellationToken.None);
        }
    }

    /// <summary>Waits until no orchestration runs.</summary>
    public Task FinishAsync(double seconds) =>
        UntilAsync(
            async () => await UnfinishedAsync() == 0,
            seconds,
            async () =>
                "still open: "
                + await QueryAsync<string>(
                    """
                    SELECT COALESCE(string_agg(format('%s status=%s owner=%s sent=%s handled=%s due=%s', instance_id, status, owner, sent,
                        handled, due_at), E'\n'), '')
                    FROM (SELECT * FROM instances WHERE completed_at IS NULL LIMIT 10) i
                    """
                )
        );

    /// <summary>Asserts that everything started ended with its output, every step took effect, nothing is left over and no result counts
    /// twice.</summary>
    /// <param name="interruptions">How often a host was stopped: a step may have run once more for each.</param>
    /// <param name="stepsToo">False when the caller counts the steps.</param>
    /// <returns>Steps that ran more than once.</returns>
    public async Task<long> AssertNothingLostOrDoubledAsync(int interruptions, bool stepsToo = true)
    {
        Dictionary<string, string> outcomes = await PairsAsync("SELECT instance_id, status || ' ' || COALESCE(output, '') FROM instances");
        string[] wrong =
        [
            .. started
                .Where(s =>
                    outcomes.GetValueOrDefault(s.Key) != FormattableString.Invariant($"1 {s.Value.Scenario.Expected(s.Value.Value)}")
                )
                .Select(s => $"{s.Value.Scenario.Name} {s.Key}({s.Value.Value}): {outcomes.GetValueOrDefault(s.Key, "gone")}"),
        ];
        Assert.True(
            wrong.Length == 0,
            $"{wrong.Length} of {started.Count} ended otherwise than with their output: {string.Join('\n', wrong.Take(10))}"
        );

        Dictionary<string, string> counts = await PairsAsync(
            "SELECT instance_id || ' ' || step, count(*)::text FROM effects GROUP BY instance_id, step"
        );
        if (stepsToo)
        {
            string[] steps = [.. started.SelectMany(s => s.Value.Scenario.Steps.Select(step => $"{s.Key}{step.Suffix} {step.Step}"))];
            Assert.Empty(steps.Where(step => !counts.ContainsKey(step)).Take(10));
            Assert.Equal(steps.Length, counts.Count);
            string[] tooOften =
            [
                .. counts
                    .Where(c => !c.Key.EndsWith(" persist", StringComparison.Ordinal) && long.Parse(c.Value, null) > 1 + interruptions)
                    .Select(c => $"{c.Key} × {c.Value}"),
            ];
            Assert.Empty(tooOften.Take(10));
        }

        // 10, 20, 30 are calls and 11, 12, 21, 22, 31 their results: each task id has one of either at most in one execution.
        Assert.Equal(
            0L,
            await QueryAsync<long>(
                """
                SELECT count(*) FROM (
                    SELECT run_no, task_id, kind IN (11, 12, 21, 22, 31) AS is_result FROM history
                    WHERE kind IN (10, 20, 30, 11, 12, 21, 22, 31) GROUP BY 1, 2, 3 HAVING count(*) > 1) doubled
                """
            )
        );
        await UntilAsync(
            async () => await QueryAsync<long>("SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM activities)") == 0,
            60,
            () => Task.FromResult("messages or activities are left over")
        );
        return counts.Count(c => !c.Key.EndsWith(" persist", StringComparison.Ordinal) && c.Value != "1");
    }

    public async Task<long> UnfinishedAsync() =>
        await QueryAsync<bool>("SELECT to_regclass('chaoshub.instances') IS NOT NULL")
            ? await QueryAsync<long>("SELECT count(*) FROM instances WHERE completed_at IS NULL AND parent_id IS NULL")
            : 0;

    /// <summary>One value; asks again while the server is away, 60 s at most.</summary>
    public Task<T> QueryAsync<T>(string sql, params object[] parameters) =>
        AskAsync(
            sql,
            parameters,
            async reader =>
            {
                await reader.ReadAsync();
                return reader.GetFieldValue<T>(0);
            }
        );

    private Task<Dictionary<string, string>> PairsAsync(string sql) =>
        AskAsync(
            sql,
            [],
            async reader =>
            {
                Dictionary<string, string> pairs = [];
                while (await reader.ReadAsync())
                    pairs.Add(reader.GetString(0), reader.GetString(1));
                return pairs;
            }
        );

    private async Task<T> AskAsync<T>(string sql, object[] parameters, Func<NpgsqlDataReader, Task<T>> read)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await using NpgsqlCommand command = database.CreateCommand(sql);
                foreach (object value in parameters)
                    command.Parameters.AddWithValue(value);
                await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
                return await read(reader);
            }
            catch (NpgsqlException e)
                when (watch.Elapsed < TimeSpan.FromSeconds(60)
                    && (e is not PostgresException { SqlState: var state } || state.StartsWith("57", StringComparison.Ordinal))
                )
            {
                await Task.Delay(100);
            }
        }
    }

    /// <summary>Waits for a condition.</summary>
    /// <returns>How long it took.</returns>
    public static Task<TimeSpan> UntilAsync(Func<Task<bool>> holds, double seconds, Func<Task<string>> explain) =>
        Eventually.HoldsAsync(holds, explain, seconds);

    public async ValueTask DisposeAsync()
    {
        foreach (SampleHost host in hosts)
            await host.DisposeAsync();
        http.Dispose();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private async Task PostAsync(string path, string body, CancellationToken limit)
    {
        while (!await TryPostAsync(path, body, limit))
            await Task.Delay(100, limit);
    }

    /// <summary>False when the host is away or cannot answer now. 410 means that a try whose reply was lost has done its work.</summary>
    private async Task<bool> TryPostAsync(string path, string body, CancellationToken limit)
    {
        try
        {
            using StringContent content = new(body, Encoding.UTF8, "application/json");
            using HttpResponseMessage answer = await http.PostAsync(
                new Uri($"http://127.0.0.1:{Port}/runtime/webhooks/durabletask/{path}"),
                content,
                limit
            );
            if ((int)answer.StatusCode >= 500)
                return false;
            Assert.True(
                answer.IsSuccessStatusCode || answer.StatusCode is HttpStatusCode.Gone or HttpStatusCode.Conflict,
                $"{path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(limit)}"
            );
            return true;
        }
        catch (Exception e)
            when (e is HttpRequestException or IOException || (e is TaskCanceledException && !limit.IsCancellationRequested))
        {
            return false;
        }
    }
}
