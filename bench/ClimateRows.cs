using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Durable.Tests.Fixtures;
using Durable.Tests.Functions;
using Npgsql;

namespace Durable.Bench;

/// <summary>The climate batches as a user runs them: the app in its own process, started over HTTP, on a PostgreSQL with durable
/// settings.</summary>
internal static class ClimateRows
{
    private const int Scenarios = 4,
        Years = 80,
        Risks = 9;

    private const double NationalCells = 451_351;

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(30);

    /// <summary>Measures each grid size and prints as it goes.</summary>
    public static async Task RunAsync(IReadOnlyList<int> sizes, Action<string> say)
    {
        say(
            "H writes one row for each cell, scenario and year with nine scores. The floor is a server-side `COPY FROM` of a binary file with the same rows that H wrote,"
        );
        say(
            "into a plain table without index, in the same run. Times are the run ledger's: planning, claims, scoring, writing, gates and closing included."
        );
        say("");
        say(
            "| cells | rows | H, first | H, again | COPY floor, rows/s | H first / floor | H again / floor | P(H) rolling-30, cell × scenario × hazard /s | P(H) full-series | CPU s, app + server: H first, floor, P(H) | app peak MB | load |"
        );
        say("|---|---|---|---|---|---|---|---|---|---|---|---|");
        Measured last = new(0, 0, 0, 0, 0);
        foreach (int cells in sizes)
        {
            last = await MeasureAsync(cells, say);
        }

        await ComparedAsync(say, last);
        Projected(say, last, sizes[^1]);
    }

    private static async Task<Measured> MeasureAsync(int cells, Action<string> say)
    {
        await using AppProcess app = await AppProcess.StartAsync(await PostgresServer.CreateDatabaseAsync());
        await RunAsync(app, "sample", $$"""{"cells": {{cells}}, "seed": 1}""");
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(app.Connection) { CommandTimeout = 600 }.ConnectionString
        );
        int server = await ServerAsync(database);
        double CpuSeconds() => Process.GetProcessById(app.ProcessId).TotalProcessorTime.TotalSeconds + ServerCpuSeconds(server);
        await CheckpointAsync(database); // what was written before is not to be paid for by what is measured next; the floor begins with one, too
        double begun = CpuSeconds();
        JsonElement probability = await RunAsync(app, "probability", """{"workers": 4}""");
        double probabilityCpu = CpuSeconds() - begun;
        double probabilityBytes = await SizeAsync(database, "probability");
        await CheckpointAsync(database);
        JsonElement fullSeries = await RunAsync(app, "probability", """{"workers": 4, "window": "full-series", "maxChange": 100}""");
        await CheckpointAsync(database);
        begun = CpuSeconds();
        double first = Seconds(await RunAsync(app, "hazard", """{"workers": 4}"""));
        double hazardCpu = CpuSeconds() - begun;

        // Small runs are repeated, in turn with their floor, because a second of noise is all there is to them.
        int times = cells <= 10_000 ? 5 : 2;
        string file = await CopyOutAsync(database);
        List<double> again = [],
            floors = [];
        begun = ServerCpuSeconds(server);
        await FloorAsync(database, file);
        double floorCpu = ServerCpuSeconds(server) - begun;
        for (int time = 0; time < times; time++)
        {
            floors.Add(await FloorAsync(database, file));
            await CheckpointAsync(database);
            again.Add(Seconds(await RunAsync(app, "hazard", """{"workers": 4, "force": true}""")));
        }

        double rows = (double)cells * Scenarios * Years,
            floor = rows / Median(floors),
            rate = rows / Median(again);
        double units = (double)cells * Scenarios * Risks,
            computed = units / Seconds(probability);
        double bytes = await SizeAsync(database, "hazard");
        say(
            Invariant(
                $"| {cells:N0} | {rows:N0} | {first:F2} s, {rows / first:N0} rows/s | {Median(again):F2} s, {rate:N0} rows/s = {rate * Risks:N0} scores/s | {floor:N0} | {rows / first / floor:P0} | {rate / floor:P0} | {computed:N0} | {units / Seconds(fullSeries):N0} | {hazardCpu:F1}, {floorCpu:F1}, {probabilityCpu:F1} | {PeakMegabytes(app):N0} | {Load()} |"
            )
        );
        return new Measured(rows / first, computed, floor, bytes / rows, probabilityBytes / units);
    }

    private sealed record Measured(double HazardRows, double Probabilities, double Floor, double HazardBytes, double ProbabilityBytes);

    /// <summary>What the original does, on its own table: (latitude, longitude, risk, year) with a column for each scenario, and its three
    /// indexes.</summary>
    private static async Task ComparedAsync(Action<string> say, Measured ours)
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await using NpgsqlConnection connection = await database.OpenConnectionAsync();
        await ExecuteAsync(
            connection,
            """
            CREATE TABLE hazard_results (latitude decimal(9,6), longitude decimal(9,6), risk_type varchar(50), target_year varchar(10),
                ssp126_score_100 real, ssp245_score_100 real, ssp370_score_100 real, ssp585_score_100 real,
                    PRIMARY KEY (latitude, longitude, risk_type, target_year));
            CREATE INDEX ON hazard_results (risk_type); CREATE INDEX ON hazard_results (target_year); CREATE INDEX ON hazard_results (latitude, longitude)
            """
        );
        double single = await UpsertsAsync(connection, statementRows: 1),
            batched = await UpsertsAsync(connection, statementRows: 100);
        double scores = ours.HazardRows * Risks;
        say("");
        say("## Beside the way the original writes, in the same run");
        say("");
        say("| way | scores/s | H is faster by |");
        say("|---|---|---|");
        say(Invariant($"| upsert row by row, 100 rows a transaction | {single:N0} | {scores / single:N0} × |"));
        say(Invariant($"| upsert of 100 rows in one statement | {batched:N0} | {scores / batched:N0} × |"));
        say(Invariant($"| H batch (first fill of the largest grid above, computing included) | {scores:N0} | |"));
    }

    private static async Task<double> UpsertsAsync(NpgsqlConnection connection, int statementRows)
    {
        string values = string.Join(
            ", ",
            Enumerable
                .Range(0, statementRows)
                .Select(row => $"(${5 * row + 1}, ${5 * row + 2}, ${5 * row + 3}, ${5 * row + 4}, ${5 * row + 5})")
        );
        await using NpgsqlCommand upsert = new(
            $"""
            INSERT INTO hazard_results (latitude, longitude, risk_type, target_year, ssp245_score_100) VALUES {values}
            ON CONFLICT (latitude, longitude, risk_type, target_year) DO UPDATE SET ssp245_score_100 = EXCLUDED.ssp245_score_100
            """,
            connection
        );
        for (int row = 0; row < statementRows; row++)
        {
            upsert.Parameters.AddRange(
                new NpgsqlParameter[]
                {
                    new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Numeric },
                    new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Numeric },
                    new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Varchar },
                    new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Varchar },
                    new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Real },
                }
            );
        }

        await upsert.PrepareAsync();
        Stopwatch watch = Stopwatch.StartNew();
        long written = 0;
        for (; watch.Elapsed < TimeSpan.FromSeconds(5); written += 100)
        {
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
            for (int done = 0; done < 100; done += statementRows)
            {
                for (int row = 0; row < statementRows; row++)
                {
                    long score = written + done + row; // place by place, its nine risks in turn, as the original's loop does
                    upsert.Parameters[5 * row].Value = 33m + score / Risks % 601 * 0.01m;
                    upsert.Parameters[5 * row + 1].Value = 124.5m + score / Risks / 601 % 751 * 0.01m;
                    upsert.Parameters[5 * row + 2].Value = $"risk_{score % Risks}";
                    upsert.Parameters[5 * row + 3].Value = "2050";
                    upsert.Parameters[5 * row + 4].Value = 46.4f;
                }

                await upsert.ExecuteNonQueryAsync();
            }

            await transaction.CommitAsync();
        }

        return written / watch.Elapsed.TotalSeconds;
    }

    private static void Projected(Action<string> say, Measured ours, int cells)
    {
        double rows = NationalCells * Scenarios * Years;
        say("");
        say("## The national grid");
        say("");
        say(
            Invariant(
                $"451,351 cells × 320 scenario-years × 9 hazards = {rows * Risks:N0} scores in {rows:N0} rows. Projected from {cells:N0} cells, cost taken as the same for each cell:"
            )
        );
        say("");
        say(
            Invariant(
                $"- H: {rows / ours.HazardRows / 60:F0} min and {rows * ours.HazardBytes / 1e9:F0} GB; the COPY floor alone {rows / ours.Floor / 60:F0} min."
            )
        );
        say(
            Invariant(
                $"- P(H): {NationalCells * Scenarios * Risks / ours.Probabilities / 60:F1} min and {NationalCells * Scenarios * Risks * ours.ProbabilityBytes / 1e9:F0} GB (rolling-30)."
            )
        );
        say("");
        say("Not measured at that size: the server's checkpoints and the disk may set another pace once the tables outgrow memory.");
    }

    /// <summary>Writes all rows of H into a file of the server, in the order in which they lie.</summary>
    private static async Task<string> CopyOutAsync(NpgsqlDataSource database)
    {
        await using NpgsqlCommand where = database.CreateCommand("SHOW data_directory");
        string file = $"{await where.ExecuteScalarAsync()}/bench-hazard.bin";
        await using NpgsqlCommand copy = database.CreateCommand($"COPY (SELECT * FROM climate.hazard_cells) TO '{file}' (FORMAT binary)");
        await copy.ExecuteNonQueryAsync();
        return file;
    }

    private static async Task CheckpointAsync(NpgsqlDataSource database)
    {
        await using NpgsqlCommand command = database.CreateCommand("CHECKPOINT");
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<double> FloorAsync(NpgsqlDataSource database, string file)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync();
        await ExecuteAsync(connection, "DROP TABLE IF EXISTS copy_floor; CREATE TABLE copy_floor (LIKE climate.hazard_row); CHECKPOINT");
        Stopwatch watch = Stopwatch.StartNew();
        await ExecuteAsync(connection, $"COPY copy_floor FROM '{file}' (FORMAT binary)");
        return watch.Elapsed.TotalSeconds;
    }

    private static async Task<JsonElement> RunAsync(AppProcess app, string what, string options)
    {
        (_, JsonElement started) = await app.PostAsync("/api/climate/" + what, options);
        JsonElement end = await app.WaitAsync(started.GetProperty("Id").GetString()!, Longest);
        return end.GetProperty("runtimeStatus").GetString() == "Completed" ? end : throw new InvalidOperationException($"{what}: {end}");
    }

    private static double Seconds(JsonElement end)
    {
        JsonElement output = end.GetProperty("output");
        return output.GetProperty("Values").GetInt64() / output.GetProperty("ValuesPerSecond").GetDouble();
    }

    private static Task<double> SizeAsync(NpgsqlDataSource database, string kind) =>
        ScalarAsync(
            database,
            $"SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relname LIKE '{kind}\\_cells\\_ssp%\\_%'"
        );

    private static async Task<double> ScalarAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        return Convert.ToDouble(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<int> ServerAsync(NpgsqlDataSource database)
    {
        await using NpgsqlCommand command = database.CreateCommand("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int");
        return (int)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>CPU of the server's process, of its living children and of those that have ended, from /proc (times in hundredths of a
    /// second).</summary>
    private static double ServerCpuSeconds(int server)
    {
        double ticks = 0;
        foreach (string directory in Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                string stat = File.ReadAllText(Path.Combine(directory, "stat"));
                string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' '); // state, ppid, …; 11 to 14: user, system, and the same of ended children
                bool itself = Path.GetFileName(directory) == server.ToString(CultureInfo.InvariantCulture);
                if (itself || fields[1] == server.ToString(CultureInfo.InvariantCulture))
                    ticks += fields[11..(itself ? 15 : 13)].Sum(field => double.Parse(field, CultureInfo.InvariantCulture));
            }
            catch (IOException)
            {
                // Ended meanwhile.
            }
        }

        return ticks / 100;
    }

    private static double PeakMegabytes(AppProcess app) => Process.GetProcessById(app.ProcessId).PeakWorkingSet64 / 1048576.0;

    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "?";

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
