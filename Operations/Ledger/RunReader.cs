using System.Text.Json;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Operations.Ledger;

/// <summary>A run in the ledger.</summary>
public sealed record RunRow(
    string RunId,
    string InstanceId,
    string Kind,
    RunState State,
    string CodeVersion,
    string? PlanHash,
    int Total,
    int Completed,
    int Failed,
    long RowsWritten,
    DateTime StartedAt,
    DateTime? FinishedAt,
    string? Error,
    JsonElement Parameters
);

/// <summary>A partition in the ledger.</summary>
public sealed record PartitionRow(
    string Key,
    PartitionState State,
    long RowsWritten,
    long Fallbacks,
    int Attempts,
    string? Error,
    DateTime UpdatedAt
);

/// <summary>A gate in the ledger.</summary>
public sealed record GateRow(
    string Gate,
    string Subject,
    double Measured,
    double? AtLeast,
    double? AtMost,
    bool Passed,
    DateTime CheckedAt
);

/// <summary>Reads the ledger for display.</summary>
public sealed class RunReader(NpgsqlDataSource database)
{
    /// <summary>The latest hundred runs of an instance (null: of any), newest first.</summary>
    public async Task<IReadOnlyList<RunRow>> ReadAsync(string? instanceId, CancellationToken cancellationToken = default)
    {
        List<RunRow> rows = [];
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT run_id, instance_id, kind, state, code_version, plan_hash, total, completed, failed, rows_written, started_at,
                finished_at, error, parameters
            FROM operations.runs WHERE $1 IS NULL OR instance_id = $1 ORDER BY started_at DESC LIMIT 100
            """
        );
        command.AddNullable(NpgsqlDbType.Text, instanceId);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(
                new RunRow(
                    reader.GetString(0),
                    reader.GetString(1),
                    reader.GetString(2),
                    StoredText.Read<RunState>(reader.GetString(3)),
                    reader.GetString(4),
                    Text(reader, 5),
                    reader.GetInt32(6),
                    reader.GetInt32(7),
                    reader.GetInt32(8),
                    reader.GetInt64(9),
                    reader.GetDateTime(10),
                    reader.GetNullable<DateTime>(11),
                    Text(reader, 12),
                    JsonSerializer.Deserialize<JsonElement>(reader.GetString(13))
                )
            );
        }

        return rows;
    }

    /// <summary>Partitions last changed by a run, failed ones first; at most a thousand.</summary>
    public async Task<IReadOnlyList<PartitionRow>> ReadPartitionsAsync(string runId, CancellationToken cancellationToken = default)
    {
        List<PartitionRow> rows = [];
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT key, state, rows_written, fallbacks, attempts, error, updated_at FROM operations.partitions WHERE run_id = $1
            ORDER BY state = 'present', key LIMIT 1000
            """
        );
        command.Parameters.Add(new() { Value = runId });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(
                new PartitionRow(
                    reader.GetString(0),
                    StoredText.Read<PartitionState>(reader.GetString(1)),
                    reader.GetInt64(2),
                    reader.GetInt64(3),
                    reader.GetInt32(4),
                    Text(reader, 5),
                    reader.GetDateTime(6)
                )
            );
        }

        return rows;
    }

    /// <summary>Gates of a run, failed ones first; at most <paramref name="most"/>.</summary>
    public async Task<IReadOnlyList<GateRow>> ReadGatesAsync(string runId, int most = 100, CancellationToken cancellationToken = default)
    {
        List<GateRow> rows = [];
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT gate, subject, measured, lower_limit, upper_limit, passed, checked_at FROM operations.gates WHERE run_id = $1
            ORDER BY passed, subject, gate LIMIT $2
            """
        );
        command.Parameters.Add(new() { Value = runId });
        command.Parameters.Add(new() { Value = most });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(
                new GateRow(
                    reader.GetString(0),
                    reader.GetString(1),
                    reader.GetDouble(2),
                    reader.GetNullable<double>(3),
                    reader.GetNullable<double>(4),
                    reader.GetBoolean(5),
                    reader.GetDateTime(6)
                )
            );
        }

        return rows;
    }

    private static string? Text(NpgsqlDataReader reader, int column) => reader.GetNullableString(column);
}
