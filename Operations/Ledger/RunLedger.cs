using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Operations.Ledger;

/// <summary>How a run stands in <c>operations.runs</c>.</summary>
[JsonConverter(typeof(StoredTextConverter<RunState>))]
public enum RunState
{
    /// <summary>Opened, and not closed yet.</summary>
    Running,

    /// <summary>All it set out to do is done.</summary>
    Completed,

    /// <summary>A partition failed, or the run itself did.</summary>
    Failed,
}

/// <summary>What a run did, in numbers. Printed at its end and kept in the ledger.</summary>
/// <param name="State">Completed, or failed when any partition failed.</param>
/// <param name="Total">Partitions the run planned to fill.</param>
/// <param name="Skipped">Partitions already in place.</param>
/// <param name="SuccessRatePercent">Completed of total, two decimals; 100 when there was nothing to do.</param>
/// <param name="DurationSeconds">Wall clock on the database's clock, one decimal.</param>
/// <param name="AverageSpeed">Completed partitions a second, two decimals.</param>
/// <param name="Rows">Rows written.</param>
/// <param name="Values">Values computed, e.g. scores: rows × risks.</param>
/// <param name="ValuesPerSecond">Values a second, no decimals.</param>
/// <param name="Fallbacks">Values that rest on a stated default.</param>
/// <param name="Failures">Failed partitions with their reasons, the first hundred.</param>
public sealed record RunStatistics(
    string RunId,
    string InstanceId,
    string Kind,
    RunState State,
    int Total,
    int Completed,
    int Failed,
    int Skipped,
    double SuccessRatePercent,
    double DurationSeconds,
    double AverageSpeed,
    long Rows,
    long Values,
    double ValuesPerSecond,
    long Fallbacks,
    IReadOnlyList<RunFailure> Failures
);

/// <summary>A partition that failed, and why.</summary>
public sealed record RunFailure(string Key, string Error);

/// <summary>The run to close is not in the ledger: the step that opens it failed.</summary>
public sealed class RunNotOpenException(string runId) : PermanentFailureException($"Run {runId} was never opened. Start it again.");

/// <summary>Opens and closes runs in <c>operations.runs</c>. An orchestration's status says that it ran; the ledger says what it
/// did.</summary>
public sealed class RunLedger(NpgsqlDataSource database)
{
    private static readonly string CodeVersion =
        typeof(RunLedger).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Name of one execution of an instance: the instance may run again later.</summary>
    public static string RunId(string instanceId, DateTime startUtc) => $"{instanceId}/{startUtc:yyyyMMddTHHmmssfff}Z";

    /// <summary>The instance of a run's name, as <see cref="RunId"/> makes it.</summary>
    public static string InstanceOf(string runId) => runId.LastIndexOf('/') is var end and >= 0 ? runId[..end] : runId;

    /// <summary>Opens a run. Safe to call twice.</summary>
    public async Task BeginAsync(
        string runId,
        string instanceId,
        string kind,
        object parameters,
        string? planHash,
        int total,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO operations.runs (run_id, instance_id, kind, parameters, code_version, plan_hash, total)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (run_id) DO NOTHING
            """
        );
        command.Parameters.Add(new() { Value = runId });
        command.Parameters.Add(new() { Value = instanceId });
        command.Parameters.Add(new() { Value = kind });
        command.Parameters.Add(new() { Value = JsonSerializer.Serialize(parameters), NpgsqlDbType = NpgsqlDbType.Jsonb });
        command.Parameters.Add(new() { Value = CodeVersion });
        command.AddNullable(NpgsqlDbType.Text, planHash);
        command.Parameters.Add(new() { Value = total });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Closes a run with its numbers. Safe to call twice: the first close counts.</summary>
    public async Task<RunStatistics> FinishAsync(
        string runId,
        IReadOnlyList<PartitionOutcome> outcomes,
        int skipped,
        string? error = null,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        (string instanceId, string kind, double seconds, RunStatistics? closed) = await ReadOpenAsync(connection, runId, cancellationToken);
        if (closed is not null)
            return closed;

        if (error is not null)
            error = Redaction.Redact(error);
        RunStatistics statistics = Summarize(runId, instanceId, kind, outcomes, skipped, seconds, error);
        await using NpgsqlCommand command = new(
            """
            UPDATE operations.runs SET state = $2, total = $3, completed = $4, failed = $5, rows_written = $6, statistics = $7, error = $8,
                finished_at = now()
            WHERE run_id = $1
            """,
            connection
        )
        {
            Parameters =
            {
                new() { Value = runId },
                new() { Value = statistics.State.Text() },
                new() { Value = statistics.Total },
                new() { Value = statistics.Completed },
                new() { Value = statistics.Failed },
                new() { Value = statistics.Rows },
                new() { Value = JsonSerializer.Serialize(statistics), NpgsqlDbType = NpgsqlDbType.Jsonb },
                new()
                {
                    Value = (object?)(error ?? statistics.Failures.FirstOrDefault()?.Error) ?? DBNull.Value,
                    NpgsqlDbType = NpgsqlDbType.Text,
                },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return statistics;
    }

    /// <summary>Closes runs whose orchestration ended without closing them: terminated, purged, or failed in its last step. Safe to call at
    /// any time.</summary>
    /// <param name="endOf">How an orchestration instance ended (<c>Terminated</c>, <c>absent</c>, …); null while it runs.</param>
    /// <returns>Runs closed, as failed.</returns>
    public async Task<int> CloseEndedAsync(
        Func<string, CancellationToken, Task<string?>> endOf,
        CancellationToken cancellationToken = default
    )
    {
        List<(string RunId, string InstanceId)> open = [];
        await using (
            NpgsqlCommand command = database.CreateCommand(
                "SELECT run_id, instance_id FROM operations.runs WHERE state = 'running' ORDER BY started_at"
            )
        )
        await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
                open.Add((reader.GetString(0), reader.GetString(1)));
        }

        int closed = 0;
        foreach ((string runId, string instanceId) in open)
        {
            if (await endOf(instanceId, cancellationToken) is not { } end)
                continue;
            if (await CloseFailedAsync(runId, $"{instanceId} is {end}: the run ended without closing itself.", cancellationToken))
                closed++;
        }

        return closed;
    }

    /// <summary>Closes a run that cannot finish, as failed, with the numbers of its partitions, releases its claims and puts the news into
    /// the outbox: all of it or nothing. Safe to call twice: the first close counts.</summary>
    /// <param name="reason">Why; stored without secrets.</param>
    /// <returns>Whether it was open; false when it is already closed or was never opened.</returns>
    public async Task<bool> CloseFailedAsync(string runId, string reason, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            WITH free AS (UPDATE operations.partitions SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1),
            done AS (
                SELECT count(*) FILTER (WHERE state = 'present') AS completed, count(*) FILTER (WHERE state = 'failed') AS failed,
                    coalesce(sum(rows_written), 0) AS rows
                FROM operations.partitions WHERE run_id = $1),
            closed AS (
                UPDATE operations.runs SET state = 'failed', error = $2, finished_at = now(), completed = done.completed, failed = done.failed,
                    rows_written = done.rows
                FROM done WHERE run_id = $1 AND state = 'running' RETURNING kind),
            news AS (
                INSERT INTO operations.notifications (dedupe_key, event, subject, body)
                SELECT $1 || ':failed', 'failed', kind || ' failed', left('Run ' || $1 || ': ' || $2, 3000) FROM closed
                ON CONFLICT (dedupe_key) DO NOTHING)
            SELECT EXISTS (SELECT FROM closed)
            """
        );
        command.Parameters.Add(new() { Value = runId });
        command.Parameters.Add(new() { Value = Redaction.Redact(reason) });
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>The latest run of a kind (null: of any) that has closed; null when there is none.</summary>
    public async Task<RunStatistics?> ReadLatestAsync(string? kind = null, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT statistics FROM operations.runs WHERE finished_at IS NOT NULL AND statistics IS NOT NULL
                AND ($1 IS NULL OR kind = $1) ORDER BY finished_at DESC LIMIT 1
            """
        );
        command.AddNullable(NpgsqlDbType.Text, kind);
        return await command.ExecuteScalarAsync(cancellationToken) is string json ? JsonSerializer.Deserialize<RunStatistics>(json) : null;
    }

    internal static RunStatistics Summarize(
        string runId,
        string instanceId,
        string kind,
        IReadOnlyList<PartitionOutcome> outcomes,
        int skipped,
        double seconds,
        string? error
    )
    {
        int completed = outcomes.Count(outcome => outcome.Succeeded),
            failed = outcomes.Count - completed;
        long values = outcomes.Sum(outcome => outcome.Values);
        double duration = Math.Max(seconds, 0.001);
        return new RunStatistics(
            runId,
            instanceId,
            kind,
            failed > 0 || error is not null ? RunState.Failed : RunState.Completed,
            outcomes.Count,
            completed,
            failed,
            skipped,
            Math.Round(outcomes.Count == 0 ? 100 : 100.0 * completed / outcomes.Count, 2),
            Math.Round(seconds, 1),
            Math.Round(completed / duration, 2),
            outcomes.Sum(outcome => outcome.Rows),
            values,
            Math.Round(values / duration),
            outcomes.Sum(outcome => outcome.Fallbacks),
            [.. outcomes.Where(outcome => !outcome.Succeeded).Take(100).Select(outcome => new RunFailure(outcome.Key, outcome.Error!))]
        );
    }

    private static async Task<(string InstanceId, string Kind, double Seconds, RunStatistics? Closed)> ReadOpenAsync(
        NpgsqlConnection connection,
        string runId,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            """
            SELECT instance_id, kind, extract(epoch FROM clock_timestamp() - started_at)::double precision, statistics
            FROM operations.runs WHERE run_id = $1 FOR UPDATE
            """,
            connection
        )
        {
            Parameters = { new() { Value = runId } },
        };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
            throw new RunNotOpenException(runId);
        return (
            reader.GetString(0),
            reader.GetString(1),
            reader.GetDouble(2),
            reader.IsDBNull(3) ? null : JsonSerializer.Deserialize<RunStatistics>(reader.GetString(3))
        );
    }
}
