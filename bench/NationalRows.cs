using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Durable.Tests.Fixtures;
using Durable.Tests.Functions;
using Npgsql;

namespace Durable.Bench;

/// <summary>The whole path of the climate batches at the size that matters, once: each step with its time, what it left on the disk, and
/// the memory of the app.</summary>
/// <remarks>The national grid needs about 45 GB of disk and 30 minutes of two idle cores.</remarks>
internal static class NationalRows
{
    public const int NationalCells = 451_351;

    private const double LongestRead = 2;

    private static readonly TimeSpan Longest = TimeSpan.FromHours(3);

    private static readonly string[] Reads =
    [
        "/api/climate/statistics",
        "/api/runs",
        "/api/runs/{0}",
        "/api/operations/leases",
        "/runtime/webhooks/durabletask/instances?top=100",
        "/runtime/webhooks/durabletask/instances/{0}",
        "/runtime/webhooks/durabletask/instances/{0}?showHistory=true",
    ];

    /// <summary>Runs it and prints as it goes.</summary>
    public static async Task RunAsync(int cells, Action<string> say)
    {
        string backups = Directory.CreateTempSubdirectory("durable-national-").FullName;
        try
        {
            await using AppProcess app = await AppProcess.StartAsync(
                await PostgresServer.CreateDatabaseAsync(),
                new Dictionary<string, string> { ["BackupDirectory"] = backups }
            );
            await using NpgsqlDataSource database = NpgsqlDataSource.Create(app.Connection);
            say(
                Invariant(
                    $"{cells:N0} cells, 4 scenarios, 2021 to 2100, 9 risks. Everything over HTTP, the app in its own process, one PostgreSQL beside it."
                )
            );
            say("");
            say("| step | seconds | | database GB | app peak MB |");
            say("|---|---|---|---|---|");
            async Task<JsonElement> StepAsync(string name, Func<Task<JsonElement>> run, Func<JsonElement, string> tell)
            {
                Stopwatch watch = Stopwatch.StartNew();
                JsonElement end = await run();
                double seconds = watch.Elapsed.TotalSeconds;
                say(
                    Invariant(
                        $"| {name} | {seconds:F1} | {tell(end)} | {await GigabytesAsync(database):F1} | {Process.GetProcessById(app.ProcessId).PeakWorkingSet64 / 1048576.0:N0} |"
                    )
                );
                return end;
            }

            await StepAsync(
                "sample",
                () => BatchAsync(app, "sample", $$"""{"cells": {{cells}}, "seed": 1}"""),
                end => Invariant($"{Output(end, "Values"):N0} values")
            );
            await StepAsync(
                "plan H",
                () => PlanAsync(app),
                plan => Invariant($"{plan.GetProperty("toFill").GetInt32()} partitions to fill")
            );
            JsonElement hazard = await StepAsync("H", () => BatchAsync(app, "hazard", "{}"), Rate);
            await StepAsync("P(H), rolling-30", () => BatchAsync(app, "probability", "{}"), Rate);
            await StepAsync(
                "H once more: nothing to do",
                () => BatchAsync(app, "hazard", "{}"),
                end => Invariant($"{Output(end, "Skipped"):N0} skipped")
            );
            await StepAsync(
                "one year again, with a backup first",
                () =>
                    BatchAsync(
                        app,
                        "hazard",
                        """{"scenario": "SSP245", "startYear": 2050, "endYear": 2050, "force": true, "backup": true}"""
                    ),
                end => Invariant($"{Rate(end)}; backup {new DirectoryInfo(backups).EnumerateFiles().Sum(file => file.Length) / 1e9:F1} GB")
            );

            say("");
            say(Invariant($"## Reads, each to answer within {LongestRead:F0} s"));
            say("");
            say("| read | ms, median of 5 | KB | |");
            say("|---|---|---|---|");
            foreach (string read in Reads)
                await ReadAsync(app, Invariant(read, hazard.GetProperty("instanceId").GetString()!), say);
            Stopwatch query = Stopwatch.StartNew();
            JsonElement statistics = (await app.GetAsync("/api/climate/statistics?query=true", Longest)).Body.GetProperty("monitoring");
            say(
                Invariant(
                    $"| `/api/climate/statistics?query=true` (the query over every row) | {query.Elapsed.TotalMilliseconds:N0} | | {Agreement(statistics)} |"
                )
            );
            say("");
            query.Restart();
            await DropAsync(app);
            say(Invariant($"Reset (drop the database): {query.Elapsed.TotalSeconds:F1} s."));
        }
        finally
        {
            Directory.Delete(backups, recursive: true);
        }
    }

    private static string Rate(JsonElement end) =>
        Invariant($"{Output(end, "Values"):N0} values, {Output(end, "ValuesPerSecond"):N0} a second");

    private static double Output(JsonElement end, string name) => end.GetProperty("output").GetProperty(name).GetDouble();

    private static string Agreement(JsonElement monitoring)
    {
        Dictionary<string, JsonElement> sums = monitoring.GetProperty("rows").EnumerateArray().ToDictionary(Key);
        JsonElement[] counted = [.. monitoring.GetProperty("query").GetProperty("rows").EnumerateArray()];
        bool same =
            counted.Length == sums.Count
            && counted.All(row =>
                sums.TryGetValue(Key(row), out JsonElement sum)
                && sum.GetProperty("totalRecords").GetInt64() == row.GetProperty("totalRecords").GetInt64()
                && Math.Abs(sum.GetProperty("avgHazardScore").GetDouble() - row.GetProperty("avgHazardScore").GetDouble()) < 0.001
            );
        return same ? "agrees with the sums" : "**differs from the sums**";

        static string Key(JsonElement row) => $"{row.GetProperty("scenario")}/{row.GetProperty("targetYear")}";
    }

    private static async Task ReadAsync(AppProcess app, string path, Action<string> say)
    {
        List<double> times = [];
        int bytes = 0;
        for (int time = 0; time < 5; time++)
        {
            Stopwatch watch = Stopwatch.StartNew();
            (HttpStatusCode status, JsonElement body) = await app.GetAsync(path);
            times.Add(watch.Elapsed.TotalMilliseconds);
            if (status != HttpStatusCode.OK)
                throw new InvalidOperationException($"{path}: {status}");
            bytes = body.GetRawText().Length;
        }

        double median = times.Order().ElementAt(times.Count / 2);
        say(Invariant($"| `{path}` | {median:N0} | {bytes / 1024.0:N0} | {(median <= LongestRead * 1000 ? "yes" : "**no**")} |"));
    }

    private static async Task<JsonElement> PlanAsync(AppProcess app)
    {
        (HttpStatusCode status, JsonElement plan) = await app.PostAsync("/api/climate/hazard?dryRun=true", "{}");
        return status == HttpStatusCode.OK ? plan : throw new InvalidOperationException($"plan: {status} {plan}");
    }

    private static async Task<JsonElement> BatchAsync(AppProcess app, string what, string options)
    {
        (HttpStatusCode status, JsonElement started) = await app.PostAsync("/api/climate/" + what, options);
        if (!started.TryGetProperty("Id", out JsonElement id))
            throw new InvalidOperationException($"{what}: {status} {started}");
        JsonElement end = await app.WaitAsync(id.GetString()!, Longest);
        return end.GetProperty("runtimeStatus").GetString() == "Completed" ? end : throw new InvalidOperationException($"{what}: {end}");
    }

    private static async Task<double> GigabytesAsync(NpgsqlDataSource database)
    {
        await using NpgsqlCommand command = database.CreateCommand("SELECT pg_database_size(current_database()) / 1e9::double precision");
        return (double)(await command.ExecuteScalarAsync())!;
    }

    private static async Task DropAsync(AppProcess app)
    {
        app.Kill();
        NpgsqlConnectionStringBuilder database = new(app.Connection);
        await using NpgsqlConnection connection = new(
            new NpgsqlConnectionStringBuilder(app.Connection) { Database = "postgres" }.ConnectionString
        );
        await connection.OpenAsync();
        await using NpgsqlCommand drop = new($"DROP DATABASE \"{database.Database}\" WITH (FORCE)", connection) { CommandTimeout = 0 };
        await drop.ExecuteNonQueryAsync();
    }

    private static string Invariant(string format, string instance) => string.Format(CultureInfo.InvariantCulture, format, instance);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
