using Npgsql;

namespace Durable.Operations.Ledger;

/// <summary>Rows that <see cref="LedgerRetention.ApplyAsync"/> deleted.</summary>
public sealed record RetentionRound(long Runs, long Plans, long Notifications);

/// <summary>Deletes rows older than <see cref="RetentionOptions"/> allow, in small batches beside running work. Safe to call at any time,
/// also concurrently.</summary>
/// <remarks>Running runs stay, and so do the current state of partitions, and leases with their receipts.</remarks>
public sealed class LedgerRetention(NpgsqlDataSource database, RetentionOptions options)
{
    private const int Batch = 500;

    internal const string RunsSql = """
        WITH old AS MATERIALIZED (
            SELECT run_id FROM operations.runs WHERE finished_at < now() - $1 ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED),
        gates AS (DELETE FROM operations.gates g USING old o WHERE g.run_id = o.run_id)
        DELETE FROM operations.runs r USING old o WHERE r.run_id = o.run_id
        """;

    internal const string PlansSql = """
        WITH old AS MATERIALIZED (SELECT hash FROM operations.plans WHERE created_at < now() - $1 ORDER BY created_at LIMIT $2
            FOR UPDATE SKIP LOCKED)
        DELETE FROM operations.plans p USING old o WHERE p.hash = o.hash
        """;

    internal const string NotificationsSql = """
        WITH old AS MATERIALIZED (SELECT id FROM operations.notifications WHERE created_at < now() - $1 ORDER BY created_at
            LIMIT $2 FOR UPDATE SKIP LOCKED)
        DELETE FROM operations.notifications n USING old o WHERE n.id = o.id
        """;

    /// <summary>Deletes everything too old.</summary>
    public async Task<RetentionRound> ApplyAsync(CancellationToken cancellationToken = default) =>
        new(
            await DeleteAsync(RunsSql, options.Ledger, cancellationToken),
            await DeleteAsync(PlansSql, options.Ledger, cancellationToken),
            await DeleteAsync(NotificationsSql, options.Notifications, cancellationToken)
        );

    private async Task<long> DeleteAsync(string sql, TimeSpan kept, CancellationToken cancellationToken)
    {
        long deleted = 0;
        while (kept > TimeSpan.Zero)
        {
            await using NpgsqlCommand command = database.CreateCommand(sql);
            command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = kept });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Batch });
            int batch = await command.ExecuteNonQueryAsync(cancellationToken);
            deleted += batch;
            if (batch < Batch)
                break;
        }

        return deleted;
    }
}
