using System.Text.Json.Serialization;
using Durable.Postgres;
using Npgsql;

namespace Durable.Operations.Ledger;

/// <summary>State of a partition in <c>operations.partitions</c>.</summary>
[JsonConverter(typeof(StoredTextConverter<PartitionState>))]
public enum PartitionState
{
    /// <summary>Wanted, never filled.</summary>
    Missing,

    /// <summary>In place.</summary>
    Present,

    /// <summary>The last attempt failed.</summary>
    Failed,
}

/// <summary>What the ledger knows of one partition.</summary>
/// <param name="Fingerprint">Of the inputs and options it was computed from.</param>
/// <param name="ClaimedBy">Run that works on it now; null when free or when its claim has expired.</param>
public sealed record PartitionRecord(
    string Key,
    PartitionState State,
    string Fingerprint,
    string? Error,
    string? ClaimedBy,
    int DurationMilliseconds
);

/// <summary>Outcome of one partition in one run. Goes through history: a key and counts, never rows.</summary>
/// <param name="Fallbacks">Values that rest on a stated default.</param>
/// <param name="Error">Null when the partition is in place.</param>
public sealed record PartitionOutcome(string Key, long Rows, long Values, long Fallbacks, int DurationMilliseconds, string? Error = null)
{
    /// <summary>Null when the partition is in place; without secrets, because it goes into history, ledger and notifications.</summary>
    public string? Error { get; init; } = Error is null ? null : Redaction.Redact(Error);

    public bool Succeeded => Error is null;
}

/// <summary>Another run works on some of the wanted partitions.</summary>
public sealed class PartitionsClaimedException(string kind, string runId, IReadOnlyList<string> keys)
    : PermanentFailureException(
        $"{keys.Count} {kind} partition(s), first {keys[0]}, are being filled by run {runId}. "
            + $"Wait for it (/runtime/webhooks/durabletask/instances/{RunLedger.InstanceOf(runId)}), or cancel it, then start again."
    )
{
    public string RunId { get; } = runId;
}

/// <summary>Partitions of every pipeline: which are in place, which failed and why, and who works on them.</summary>
public sealed class Partitions(NpgsqlDataSource database)
{
    /// <summary>Lifetime of a claim after its run's last record.</summary>
    public static readonly TimeSpan ClaimTime = TimeSpan.FromMinutes(30);

    /// <summary>The records of a kind; a never requested partition has none.</summary>
    public async Task<Dictionary<string, PartitionRecord>> ReadAsync(string kind, CancellationToken cancellationToken = default)
    {
        Dictionary<string, PartitionRecord> records = [];
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT key, state, fingerprint, error, CASE WHEN claimed_until > now() THEN claimed_by END, duration_ms
            FROM operations.partitions WHERE kind = $1
            """
        );
        command.Parameters.Add(new() { Value = kind });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            string key = reader.GetString(0);
            records.Add(
                key,
                new PartitionRecord(
                    key,
                    StoredText.Read<PartitionState>(reader.GetString(1)),
                    reader.GetString(2),
                    reader.GetNullableString(3),
                    reader.GetNullableString(4),
                    reader.GetInt32(5)
                )
            );
        }

        return records;
    }

    /// <summary>Claims all of <paramref name="keys"/> for a run, or none. The same run may claim again.</summary>
    /// <exception cref="PartitionsClaimedException">Another run holds at least one of them.</exception>
    public async Task ClaimAsync(string kind, IReadOnlyCollection<string> keys, string runId, CancellationToken cancellationToken = default)
    {
        // Sorted keys: overlapping claims meet at the same first row instead of deadlocking.
        const string Claim = """
            INSERT INTO operations.partitions AS p (kind, key, state, claimed_by, claimed_until)
            SELECT $1, key, 'missing', $3, now() + $4 FROM unnest($2) AS key ORDER BY key
            ON CONFLICT (kind, key) DO UPDATE SET claimed_by = EXCLUDED.claimed_by, claimed_until = EXCLUDED.claimed_until
            WHERE p.claimed_by IS NULL OR p.claimed_by = EXCLUDED.claimed_by OR p.claimed_until <= now()
            """;
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using NpgsqlCommand claim = new(Claim, connection)
        {
            Parameters =
            {
                new() { Value = kind },
                new() { Value = keys.Order(StringComparer.Ordinal).ToArray() },
                new() { Value = runId },
                new() { Value = ClaimTime },
            },
        };
        if (await claim.ExecuteNonQueryAsync(cancellationToken) == keys.Count)
        {
            await transaction.CommitAsync(cancellationToken);
            return;
        }

        await transaction.RollbackAsync(cancellationToken);
        Dictionary<string, PartitionRecord> records = await ReadAsync(kind, cancellationToken);
        PartitionRecord[] taken =
        [
            .. keys.Select(key => records.GetValueOrDefault(key))
                .OfType<PartitionRecord>()
                .Where(record => record.ClaimedBy is { } owner && owner != runId)
                .OrderBy(record => record.Key, StringComparer.Ordinal),
        ];
        if (taken.Length == 0)
            throw new InvalidOperationException(
                $"The claim of {keys.Count} {kind} partitions met one that has just been released; try again."
            );
        throw new PartitionsClaimedException(kind, taken[0].ClaimedBy!, [.. taken.Select(record => record.Key)]);
    }

    /// <summary>Releases all of the run's claims. Safe to call twice.</summary>
    public async Task ReleaseAsync(string runId, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "UPDATE operations.partitions SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1"
        );
        command.Parameters.Add(new() { Value = runId });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Locks partitions until the transaction ends, so that writers of one partition take turns.</summary>
    /// <exception cref="PartitionsClaimedException">Another run claims one of them: this run was terminated or its claim expired, and it
    /// comes too late.</exception>
    internal static async Task HoldAsync(
        NpgsqlConnection connection,
        string kind,
        string runId,
        IEnumerable<string> keys,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            """
            SELECT key, CASE WHEN claimed_until > now() THEN claimed_by END FROM operations.partitions
            WHERE kind = $1 AND key = ANY ($2) ORDER BY key FOR UPDATE
            """,
            connection
        )
        {
            Parameters =
            {
                new() { Value = kind },
                new() { Value = keys.ToArray() },
            },
        };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (!reader.IsDBNull(1) && reader.GetString(1) != runId)
                throw new PartitionsClaimedException(kind, reader.GetString(1), [reader.GetString(0)]);
        }
    }

    /// <summary>Records that partitions are in place, in the transaction that writes them, so that record and data never
    /// disagree.</summary>
    internal static async Task RecordPresentAsync(
        NpgsqlConnection connection,
        string kind,
        string runId,
        IReadOnlyList<(PartitionOutcome Outcome, string Fingerprint)> partitions,
        CancellationToken cancellationToken
    )
    {
        const string Sql = """
            INSERT INTO operations.partitions AS p (kind, key, state, fingerprint, run_id, rows_written, fallbacks, attempts, duration_ms)
            SELECT $1, key, 'present', fingerprint, $2, written, fallbacks, 1, duration
            FROM unnest($3, $4, $5, $6, $7) AS new (key, fingerprint, written, fallbacks, duration) ORDER BY key
            ON CONFLICT (kind, key) DO UPDATE SET state = 'present', fingerprint = EXCLUDED.fingerprint, run_id = EXCLUDED.run_id,
                error = NULL,
                rows_written = EXCLUDED.rows_written, fallbacks = EXCLUDED.fallbacks, attempts = p.attempts + 1,
                    duration_ms = EXCLUDED.duration_ms,
                updated_at = now(), claimed_until = CASE WHEN p.claimed_by IS NOT NULL THEN now() + $8 END
            """;
        await using NpgsqlCommand command = new(Sql, connection)
        {
            Parameters =
            {
                new() { Value = kind },
                new() { Value = runId },
                new() { Value = partitions.Select(p => p.Outcome.Key).ToArray() },
                new() { Value = partitions.Select(p => p.Fingerprint).ToArray() },
                new() { Value = partitions.Select(p => p.Outcome.Rows).ToArray() },
                new() { Value = partitions.Select(p => p.Outcome.Fallbacks).ToArray() },
                new() { Value = partitions.Select(p => p.Outcome.DurationMilliseconds).ToArray() },
                new() { Value = ClaimTime },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Records that partitions failed, and why. Data of an earlier run stays in place. Safe to call twice.</summary>
    public async Task RecordFailedAsync(
        string kind,
        string runId,
        IReadOnlyList<PartitionOutcome> failed,
        CancellationToken cancellationToken = default
    )
    {
        const string Sql = """
            INSERT INTO operations.partitions AS p (kind, key, state, run_id, attempts, error, duration_ms)
            SELECT $1, key, 'failed', $2, 1, error, duration FROM unnest($3, $4, $5) AS new (key, error, duration) ORDER BY key
            ON CONFLICT (kind, key) DO UPDATE SET state = 'failed', run_id = EXCLUDED.run_id, error = EXCLUDED.error,
                attempts = p.attempts + 1,
                duration_ms = EXCLUDED.duration_ms, updated_at = now()
            """;
        await using NpgsqlCommand command = database.CreateCommand(Sql);
        command.Parameters.Add(new() { Value = kind });
        command.Parameters.Add(new() { Value = runId });
        command.Parameters.Add(new() { Value = failed.Select(p => p.Key).ToArray() });
        command.Parameters.Add(new() { Value = failed.Select(p => p.Error ?? "unknown").ToArray() });
        command.Parameters.Add(new() { Value = failed.Select(p => p.DurationMilliseconds).ToArray() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
