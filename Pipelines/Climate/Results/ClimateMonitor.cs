using Durable.Pipelines.Climate.Model;
using Npgsql;

namespace Durable.Pipelines.Climate.Results;

/// <summary>One row of the monitoring query.</summary>
public sealed record MonitoredYear(string Scenario, int TargetYear, long TotalRecords, double AvgHazardScore);

/// <summary>Answers the operating guide's monitoring query.</summary>
public sealed class ClimateMonitor(NpgsqlDataSource database)
{
    /// <summary>The query as the guide prints it; anybody may run it in psql as it stands.</summary>
    public const string Query = """
        SELECT scenario, target_year, COUNT(*) as total_records,
               AVG(hazard_score) as avg_hazard_score
        FROM hazard_results
        WHERE created_at > NOW() - INTERVAL '1 day'
        GROUP BY scenario, target_year;
        """;

    /// <summary>Its result, by scenario and year.</summary>
    public async Task<IReadOnlyList<MonitoredYear>> ReadAsync(CancellationToken cancellationToken = default)
    {
        List<MonitoredYear> rows = [];
        await using NpgsqlCommand command = database.CreateCommand(Query);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new MonitoredYear(reader.GetString(0), reader.GetInt32(1), reader.GetInt64(2), Math.Round(reader.GetDouble(3), 4)));
        }

        return [.. rows.OrderBy(row => row.Scenario, StringComparer.Ordinal).ThenBy(row => row.TargetYear)];
    }
}
