using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Returns;

/// <summary>Result of reading one source table.</summary>
/// <param name="Read">Rows returned by the source.</param>
/// <param name="Changed">Rows that are new or changed.</param>
/// <param name="Rejected">Rejected rows, by reason.</param>
public sealed record SourceRead(string Table, long Read, long Changed, IReadOnlyDictionary<string, long> Rejected)
{
    public long RejectedRows => Rejected.Values.Sum();
}

/// <summary>Rows to train on, by time and number.</summary>
public sealed record TrainingWindow(long Rows, DateTime? From, DateTime? To);

/// <summary>The whole training set in PostgreSQL. It grows by the source's new rows and never rereads the rest.</summary>
public sealed class ReturnsTable(NpgsqlDataSource database)
{
    private const int Batch = 1000;

    /// <summary>
    /// Stores new rows: every row from <paramref name="overlap"/> before the watermark (the newest known row), or from
    /// <paramref name="sinceUtc"/>. Safe to repeat and to interrupt: rows are stored by their time, and the next read starts where the
    /// stored rows end.
    /// </summary>
    public async Task<SourceRead> SyncAsync(
        IReturnsSource source,
        SourceTable table,
        string runId,
        TimeSpan overlap,
        DateTime? sinceUtc,
        CancellationToken cancellationToken = default
    )
    {
        bool isEmbeddings = table == SourceTable.Embeddings;
        DateTime? from = sinceUtc ?? (await NewestAsync(isEmbeddings ? "embeddings" : "outcomes", cancellationToken) - overlap);
        Dictionary<string, (long Rows, string Example)> rejected = [];
        List<(DateTime Time, object Value)> batch = new(Batch);
        DateTime last = default;
        long read = 0,
            changed = 0;
        await foreach (JsonElement row in source.ReadAsync(table, from, cancellationToken))
        {
            read++;
            (DateTime time, object? value, Reject? reject) = isEmbeddings ? Embedding(row) : Outcome(row);
            if (reject is null && time == last)
                reject = new Reject(time.ToString("O"), "duplicate");
            if (reject is not null)
            {
                rejected[reject.Reason] = rejected.TryGetValue(reject.Reason, out (long Rows, string Example) known)
                    ? (known.Rows + 1, known.Example)
                    : (1, reject.Key);
                continue;
            }

            last = time;
            batch.Add((time, value!));
            if (batch.Count < Batch)
                continue;
            changed += await StoreAsync(isEmbeddings, batch, cancellationToken);
            batch.Clear();
        }

        if (batch.Count > 0)
            changed += await StoreAsync(isEmbeddings, batch, cancellationToken);
        await RecordRejectsAsync(runId, table.Name, rejected, cancellationToken);
        return new SourceRead(table.Name, read, changed, rejected.ToDictionary(pair => pair.Key, pair => pair.Value.Rows));
    }

    /// <summary>Number of rows to train on: embeddings with the returns ten minutes later.</summary>
    /// <param name="limit">Only the latest n; 0: all.</param>
    public async Task<TrainingWindow> WindowAsync(DateTime? sinceUtc, long limit, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            $"""
            SELECT count(*), min(base_ts), max(base_ts) FROM (SELECT e.base_ts {Joined} ORDER BY e.base_ts DESC LIMIT NULLIF($2, 0)) AS rows
            """
        );
        AddWindow(command, sinceUtc, limit);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new TrainingWindow(reader.GetInt64(0), reader.GetNullable<DateTime>(1), reader.GetNullable<DateTime>(2));
    }

    /// <summary>Rows of a window in the order of time, one at a time.</summary>
    public async IAsyncEnumerable<TrainingRow> ReadAsync(
        TrainingWindow window,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        if (window.Rows == 0)
            yield break;
        await using NpgsqlCommand command = database.CreateCommand(
            $"SELECT e.base_ts, e.features, o.targets {Joined} AND e.base_ts <= $2 ORDER BY e.base_ts"
        );
        command.CommandTimeout = 1800;
        command.Parameters.Add(new() { Value = window.From!.Value });
        command.Parameters.Add(new() { Value = window.To!.Value });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            yield return new TrainingRow(reader.GetDateTime(0), Floats(reader.GetFieldValue<byte[]>(1)), reader.GetFieldValue<double[]>(2));
    }

    /// <summary>The newest embedding, or the one at a time; null when there is none.</summary>
    public async Task<Embedding?> FindEmbeddingAsync(DateTime? baseTs, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT base_ts, features FROM returns.embeddings WHERE $1 IS NULL OR base_ts = $1 ORDER BY base_ts DESC LIMIT 1"
        );
        command.AddNullable(NpgsqlDbType.TimestampTz, baseTs);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new Embedding(reader.GetDateTime(0), Floats(reader.GetFieldValue<byte[]>(1)))
            : null;
    }

    internal static float[] Floats(byte[] bytes)
    {
        float[] values = new float[bytes.Length / sizeof(float)];
        if (BitConverter.IsLittleEndian)
            MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
        else
            for (int i = 0; i < values.Length; i++)
                values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(4 * i));
        return values;
    }

    internal static byte[] Bytes(float[] values)
    {
        byte[] bytes = new byte[values.Length * sizeof(float)];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * i), values[i]);
        return bytes;
    }

    private const string Joined = """
        FROM returns.embeddings e JOIN returns.outcomes o ON o.ts = e.base_ts + interval '10 minutes' WHERE ($1 IS NULL OR e.base_ts >= $1)
        """;

    private static void AddWindow(NpgsqlCommand command, DateTime? sinceUtc, long limit)
    {
        command.AddNullable(NpgsqlDbType.TimestampTz, sinceUtc);
        command.Parameters.Add(new() { Value = limit });
    }

    private static (DateTime Time, object? Value, Reject? Reject) Embedding(JsonElement json)
    {
        (Embedding? row, Reject? reject) = ReturnsRows.ReadEmbedding(json);
        return (row?.BaseTs ?? default, row is null ? null : Bytes(row.Values), reject);
    }

    private static (DateTime Time, object? Value, Reject? Reject) Outcome(JsonElement json)
    {
        (Outcome? row, Reject? reject) = ReturnsRows.ReadOutcome(json);
        return (row?.Ts ?? default, row?.Targets, reject);
    }

    private async Task<DateTime?> NewestAsync(string table, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            table == "embeddings" ? "SELECT max(base_ts) FROM returns.embeddings" : "SELECT max(ts) FROM returns.outcomes"
        );
        return await command.ExecuteScalarAsync(cancellationToken) as DateTime?;
    }

    private async Task<long> StoreAsync(bool embeddings, List<(DateTime Time, object Value)> rows, CancellationToken cancellationToken)
    {
        (string table, string key, string value) = embeddings ? ("embeddings", "base_ts", "features") : ("outcomes", "ts", "targets");
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(
            connection,
            $"CREATE TEMP TABLE incoming (key timestamptz, value {(embeddings ? "bytea" : "double precision[]")}) ON COMMIT DROP",
            cancellationToken
        );
        await using (
            NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
                "COPY incoming FROM STDIN (FORMAT binary)",
                cancellationToken
            )
        )
        {
            foreach ((DateTime time, object data) in rows)
            {
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(time, NpgsqlDbType.TimestampTz, cancellationToken);
                if (embeddings)
                    await copy.WriteAsync((byte[])data, NpgsqlDbType.Bytea, cancellationToken);
                else
                    await copy.WriteAsync((double[])data, NpgsqlDbType.Array | NpgsqlDbType.Double, cancellationToken);
            }

            await copy.CompleteAsync(cancellationToken);
        }

        long changed = await ExecuteAsync(
            connection,
            $"""
            INSERT INTO returns.{table} AS known ({key}, {value}) SELECT key, value FROM incoming ORDER BY key
            ON CONFLICT ({key}) DO UPDATE SET {value} = EXCLUDED.{value}, read_at = now()
            WHERE known.{value} IS DISTINCT FROM EXCLUDED.{value}
            """,
            cancellationToken
        );
        await transaction.CommitAsync(cancellationToken);
        return changed;
    }

    private async Task RecordRejectsAsync(
        string runId,
        string table,
        Dictionary<string, (long Rows, string Example)> rejected,
        CancellationToken cancellationToken
    )
    {
        foreach ((string reason, (long rows, string example)) in rejected)
        {
            await using NpgsqlCommand command = database.CreateCommand(
                """
                INSERT INTO returns.rejects (run_id, source_table, reason, rows, example) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (run_id, source_table, reason) DO UPDATE SET rows = EXCLUDED.rows, example = EXCLUDED.example
                """
            );
            command.Add(runId, table, reason, rows, example);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static async Task<int> ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
