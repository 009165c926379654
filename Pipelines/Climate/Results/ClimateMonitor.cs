using System.Diagnostics;
using Npgsql;

namespace Durable.Pipelines.Climate.Results;

/// <summary>One row of the monitoring query.</summary>
public sealed record MonitoredYear(string Scenario, int TargetYear, long TotalRecords, double AvgHazardScore);

/// <summary>The monitoring query's answer, computed by running it.</summary>
public sealed record MonitoringQueryRun(double Seconds, IReadOnlyList<MonitoredYear> Rows);

/// <summary>Answers the operating guide's monitoring query: quickly from the sums kept with the partitions, or by running it over every
/// row.</summary>
public sealed class ClimateMonitor(NpgsqlDataSource database)
{
    /// <summary>The query as printed in the guide; it can run in psql unchanged.</summary>
    public const string Query = """
        SELECT scenario, target_year, COUNT(*) as total_records,
               AVG(hazard_score) as avg_hazard_score
        FROM hazard_results
        WHERE created_at > NOW() - INTERVAL '1 day'
        GROUP BY scenario, target_year;
        """;

    private const string FromSums = """
        SELECT s.scenario, h.target_year::integer, sum(h.scores)::bigint, (sum(h.score_sum) / 100.0 / sum(h.scores))::double precision
        FROM climate.hazard_sums h JOIN climate.scenarios s USING (scenario_id)
        WHERE h.created_at > now() - INTERVAL '1 day' AND h.scores > 0
        GROUP BY s.scenario, h.target_year
        """;

    // Over 144 million rows the query takes minutes. One at a time: a self-reloading page must not pile them up.
    private static readonly TimeSpan LongestQuery = TimeSpan.FromMinutes(10);
    private readonly SemaphoreSlim one = new(1);

    /// <summary>The result by scenario and year, exact, in milliseconds for any grid size.</summary>
    public async Task<IReadOnlyList<MonitoredYear>> ReadAsync(CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(FromSums);
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>Runs <see cref="Query"/> itself and measures its time.</summary>
    /// <returns>Null while another run is active in this process.</returns>
    public async Task<MonitoringQueryRun?> RunQueryAsync(CancellationToken cancellationToken = default)
    {
        if (!await one.WaitAsync(TimeSpan.Zero, cancellationToken))
            return null;
        try
        {
            Stopwatch watch = Stopwatch.StartNew();
            await using NpgsqlCommand command = database.CreateCommand(Query);
            command.CommandTimeout = (int)LongestQuery.TotalSeconds;
            IReadOnlyList<MonitoredYear> rows = await ReadAsync(command, cancellationToken);
            return new MonitoringQueryRun(Math.Round(watch.Elapsed.TotalSeconds, 3), rows);
        }
        finally
        {
            one.Release();
        }
    }

    private static async Task<IReadOnlyList<MonitoredYear>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        List<MonitoredYear> rows = [];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new MonitoredYear(reader.GetString(0), reader.GetInt32(1), reader.GetInt64(2), Math.Round(reader.GetDouble(3), 4)));
        }

        return [.. rows.OrderBy(row => row.Scenario, StringComparer.Ordinal).ThenBy(row => row.TargetYear)];
    }
}
