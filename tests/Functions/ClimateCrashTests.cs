using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Durable.Tests.Fixtures;
using Npgsql;
using Xunit.Abstractions;
using static Durable.Tests.Functions.ClimateBatchTests;

namespace Durable.Tests.Functions;

/// <summary>
/// The annual batch (P(H), then H) killed at chosen and at random moments leaves the same bytes as one that nobody disturbed: every row of
/// both result tables, by key, as PostgreSQL's binary COPY gives them. Only <c>created_at</c> is left out, which is the start of the run
/// and differs between any two runs; that it is exactly that, forevery row, is checked on its own.
/// </summary>
public sealed class ClimateCrashTests(ITestOutputHelper output)
{
    private const string Years = """{"startYear": 2041, "endYear": 2060, "workers": 3}""";

    private const int Cells = 40,
        FirstYear = 2031,
        LastYear = 2070;

    /// <summary>Where the batch is stopped and killed, in the order in which it gets there.</summary>
    private static readonly string[] Chosen =
    [
        "probability SSP126/tile-0 missing",
        "run probability running",
        "probability SSP245/tile-0 present",
        "run probability completed",
        "hazard SSP126/2041 missing",
        "run hazard running",
        "hazard SSP370/2045 present",
        "hazard SSP585/2060 present",
        "run hazard completed",
        "notification completed",
    ];

    private static readonly Lazy<Task<Tables>> Undisturbed = new(async () =>
    {
        await using AppProcess app = await AppProcess.StartAsync();
        await SampleAsync(app, Cells, FirstYear, LastYear);
        return await CompletedAsync(app, await StartAsync(app, Years));
    });

    [Fact]
    public async Task A_host_killed_at_each_step_of_the_annual_batch_leaves_the_bytes_of_an_undisturbed_run()
    {
        AppProcess app = await AppProcess.StartAsync();
        try
        {
            await SampleAsync(app, Cells, FirstYear, LastYear);
            await using KillPoints points = await KillPoints.CreateAsync(app.Connection);
            string? instance = null;
            foreach (string point in Chosen)
            {
                await points.ArmAsync(point);
                if (instance is null)
                    instance = await StartAsync(app, Years);
                else
                    app = await RestartAsync(app);
                await points.ReachedAsync(point, () => app.Log);
                app.Kill();
                await points.DisarmAsync();
            }

            app = await RestartAsync(app);
            AssertSame(await CompletedAsync(app, instance!));
        }
        finally
        {
            await app.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_host_killed_at_random_moments_leaves_the_bytes_of_an_undisturbed_run()
    {
        Random random = Seeded();
        AppProcess app = await AppProcess.StartAsync();
        try
        {
            await SampleAsync(app, Cells, FirstYear, LastYear);
            string instance = await StartAsync(app, Years);
            for (int kill = 0; kill < 3; kill++)
            {
                await Task.Delay(random.Next(5, 400));
                app.Kill();
                app = await RestartAsync(app);
            }

            AssertSame(await CompletedAsync(app, instance));
        }
        finally
        {
            await app.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_database_killed_at_each_step_and_at_random_moments_leaves_the_bytes_of_an_undisturbed_run()
    {
        Random random = Seeded();
        await using PrivatePostgres server = await PostgresServer.StartPrivateAsync();
        await using AppProcess app = await AppProcess.StartAsync(
            new NpgsqlConnectionStringBuilder(server.ConnectionString) { Pooling = true }.ConnectionString
        );
        await SampleAsync(app, Cells, FirstYear, LastYear);
        await using KillPoints points = await KillPoints.CreateAsync(app.Connection);
        string? instance = null;
        foreach (string point in Chosen.Where((_, at) => at % 2 == 0)) // each costs its activity a try, and tries a growing pause
        {
            await points.ArmAsync(point);
            instance ??= await StartAsync(app, Years);
            await points.ReachedAsync(point, () => app.Log);
            await server.StopImmediateAsync();
            await server.StartAgainAsync();
            await points.DisarmAsync();
        }

        AssertSame(await CompletedAsync(app, instance!));

        string again = await StartAsync(app, """{"startYear": 2041, "endYear": 2060, "workers": 3, "force": true}""");
        for (int kill = 0; kill < 2; kill++)
        {
            await Task.Delay(random.Next(5, 600));
            await server.StopImmediateAsync();
            await server.StartAgainAsync();
        }

        AssertSame(await CompletedAsync(app, again));
    }

    [Fact]
    public async Task Two_batches_started_at_once_for_the_same_partitions_one_runs_and_the_other_is_refused_with_its_link()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        await SampleAsync(app, Cells, FirstYear, LastYear);

        (HttpStatusCode Status, JsonElement Body)[] answers = await Task.WhenAll(
            app.PostAsync("/api/climate/hazard", """{"startYear": 2041, "endYear": 2060, "workers": 2}"""),
            app.PostAsync("/api/climate/hazard", """{"startYear": 2041, "endYear": 2059, "workers": 2}""")
        );

        // Whoever comes second meets a run in progress (409), or, when both were let in at the same instant, the claim of the first.
        string[] instances = [.. answers.Select(answer => answer.Body.GetProperty("Id").GetString()!).Distinct()];
        JsonElement[] ends = await Task.WhenAll(instances.Select(instance => app.WaitAsync(instance)));
        JsonElement winner = Assert.Single(ends, end => end.GetProperty("runtimeStatus").GetString() == "Completed");
        string winnerId = winner.GetProperty("instanceId").GetString()!;
        if (
            ends.SingleOrDefault(end => end.GetProperty("runtimeStatus").GetString() == "Failed") is
            { ValueKind: JsonValueKind.Object } loser
        )
        {
            Assert.Contains($"/runtime/webhooks/durabletask/instances/{winnerId}", loser.GetRawText(), StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(
                (HttpStatusCode.Conflict, winnerId),
                Assert.Single(
                    answers.Select(answer => (answer.Status, answer.Body.GetProperty("Id").GetString()!)),
                    pair => pair.Item1 == HttpStatusCode.Conflict
                )
            );
        }

        JsonElement output = winner.GetProperty("output");
        Assert.Equal(0, output.GetProperty("Failed").GetInt32());
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(app.Connection);
        await using NpgsqlCommand count = database.CreateCommand("SELECT count(*) FROM climate.hazard_cells");
        Assert.Equal(output.GetProperty("Total").GetInt64() * Cells, await count.ExecuteScalarAsync());
    }

    [Fact]
    public async Task Two_batches_of_different_scenarios_at_once_are_both_right()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        await SampleAsync(app, Cells, FirstYear, LastYear);
        string[] pairs = ["SSP126,SSP370", "SSP245,SSP585"];

        string[] instances = await Task.WhenAll(
            pairs.Select(pair => StartAsync(app, $$"""{"scenario": "{{pair}}", "startYear": 2041, "endYear": 2060, "workers": 3}"""))
        );
        foreach (string instance in instances)
            await EndAsync(app, instance);

        AssertSame(await Tables.ReadAsync(app.Connection));
    }

    private static async Task<string> StartAsync(AppProcess app, string options)
    {
        (HttpStatusCode status, JsonElement started) = await app.PostAsync("/api/climate/annual", options);
        Assert.True(status == HttpStatusCode.Accepted, $"{status} {started} {app.Log}");
        return started.GetProperty("Id").GetString()!;
    }

    private static async Task<AppProcess> RestartAsync(AppProcess killed)
    {
        await killed.DisposeAsync();
        return await AppProcess.StartAsync(killed.Connection);
    }

    private static async Task EndAsync(AppProcess app, string instance)
    {
        JsonElement end = await app.WaitAsync(instance);
        Assert.True(end.GetProperty("runtimeStatus").GetString() == "Completed", $"{end} {app.Log}");
        foreach (string batch in new[] { "Probability", "Hazard" })
            Assert.Equal(0, end.GetProperty("output").GetProperty(batch).GetProperty("Failed").GetInt32());
    }

    /// <summary>What the tables hold after a run; each row says of itself when the run started, however often it was interrupted.</summary>
    private static async Task<Tables> CompletedAsync(AppProcess app, string instance)
    {
        await EndAsync(app, instance);
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(app.Connection) { Pooling = false }.ConnectionString
        );
        await using NpgsqlCommand stamps = database.CreateCommand(
            """
            SELECT count(DISTINCT c.created_at) = 1 AND bool_and(r.run_id LIKE '%/' || to_char(c.created_at AT TIME ZONE 'UTC',
                'YYYYMMDD"T"HH24MISSMS"Z"')) FROM
                (SELECT 'hazard' AS kind, created_at FROM climate.hazard_cells UNION ALL SELECT 'probability', created_at
                    FROM climate.probability_cells) c
                JOIN (SELECT DISTINCT ON (kind) kind, run_id FROM operations.runs ORDER BY kind, started_at DESC) r USING (kind)
            GROUP BY kind
            """
        );
        await using NpgsqlDataReader reader = await stamps.ExecuteReaderAsync();
        int kinds = 0;
        for (; await reader.ReadAsync(); kinds++)
            Assert.True(reader.GetBoolean(0), "created_at is not the start of the run");
        Assert.Equal(2, kinds);
        return await Tables.ReadAsync(app.Connection);
    }

    private static void AssertSame(Tables tables) => Assert.Equal(Undisturbed.Value.GetAwaiter().GetResult(), tables);

    private Random Seeded()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("DURABLE_CHAOS_SEED"), out int given) ? given : Environment.TickCount;
        output.WriteLine($"DURABLE_CHAOS_SEED={seed}");
        return new Random(seed);
    }

    /// <summary>Rows and SHA-256 of each result table, and of what the ledger says of their partitions.</summary>
    private sealed record Tables(string Hazard, string Probability, string Ledger)
    {
        private const string Values =
            "extreme_heat, extreme_cold, wildfire, drought, water_stress, sea_level_rise, river_flood, urban_flood, typhoon";

        public static async Task<Tables> ReadAsync(string connectionString)
        {
            await using NpgsqlConnection connection = new(
                new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString
            );
            await connection.OpenAsync();
            Tables tables = new(
                await DigestAsync(
                    connection,
                    $"SELECT scenario_id, target_year, grid_id, {Values}, fallbacks FROM climate.hazard_cells ORDER BY scenario_id, target_year, grid_id"
                ),
                await DigestAsync(
                    connection,
                    "SELECT scenario_id, tile, grid_id, risk_id, first_year, last_year, fallback, years FROM climate.probability_cells ORDER BY scenario_id, tile, grid_id, risk_id"
                ),
                await DigestAsync(
                    connection,
                    "SELECT kind, key, state, fingerprint, rows_written, fallbacks, claimed_by FROM operations.partitions ORDER BY kind, key"
                )
            );
            Assert.StartsWith("3200 rows", tables.Hazard, StringComparison.Ordinal); // 4 scenarios × 20 years × 40 cells
            Assert.StartsWith("1440 rows", tables.Probability, StringComparison.Ordinal); // 4 scenarios × 40 cells × 9 risks
            return tables;
        }

        private static async Task<string> DigestAsync(NpgsqlConnection connection, string query)
        {
            await using NpgsqlCommand count = new($"SET max_parallel_workers_per_gather = 0; SELECT count(*) FROM ({query}) q", connection);
            object? rows = await count.ExecuteScalarAsync();
            await using NpgsqlRawCopyStream bytes = await connection.BeginRawBinaryCopyAsync($"COPY ({query}) TO STDOUT (FORMAT binary)");
            return $"{rows} rows, {Convert.ToHexStringLower(await SHA256.HashDataAsync(bytes))}";
        }
    }
}
