using Durable.Operations.Ledger;
using Durable.Pipelines.Spot.Merging;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Postgres;
using Npgsql;

namespace Durable.Pipelines.Spot.Tables;

/// <summary>Outcome of staging a slot.</summary>
/// <param name="WaitsFor">Another staged slot that must be stored first; nothing was done.</param>
public sealed record StageOutcome(SlotRow? Row, SlotTime? WaitsFor);

/// <summary>Moves a slot from its observation to the history, in two transactions with the sinks in between: staged, then
/// present.</summary>
/// <remarks>
/// One slot is staged at a time, so a delta is computed from the market it is applied to. If a run dies with its slot staged, the next slot
/// finishes it. A late slot, older than the newest present one, changes the market at that slot and nothing after it: the next slot sets
/// each changed row back.
/// </remarks>
public sealed class SlotStore(NpgsqlDataSource database, SpotBucket bucket, DataGates gates, SpotOptions options)
{
    /// <summary>Kind of these partitions and runs in the ledger.</summary>
    public const string Kind = "spot";

    /// <summary>Merges, computes the delta, and stages it in the bucket. Safe to call twice: a staged or present slot is
    /// unchanged.</summary>
    /// <param name="read">The observation; called only when needed.</param>
    /// <exception cref="DataGateException">Too many rows would vanish; nothing was staged.</exception>
    public async Task<StageOutcome> StageAsync(
        SlotTime slot,
        string runId,
        double maxRemovedShare,
        Func<Task<(Observation Seen, RawHeader Scores)>> read,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await SlotTable.HoldRotationAsync(connection, cancellationToken);
        SlotRow row =
            await SlotTable.HoldAsync(connection, slot, cancellationToken)
            ?? throw new InvalidOperationException($"Slot {slot} was never started.");
        if (row.State != SlotState.Collecting)
            return new StageOutcome(row, null);
        (SlotTime? staged, SlotTime? newest, SlotTime? next) = await NeighboursAsync(connection, slot, cancellationToken);
        if (staged is not null)
            return new StageOutcome(null, staged);

        bool isLate = newest > slot;
        (Observation seen, RawHeader scores) = await read();
        Dictionary<MarketKey, Quote> previous = isLate
            ? await MarketHistory.ReadAsOfAsync(connection, slot.Utc.AddMicroseconds(-1), cancellationToken)
            : await MarketHistory.ReadLatestAsync(connection, cancellationToken);
        MergedSlot merged = MarketMerge.Merge(previous, seen, options.Ladder());
        await gates.CheckAsync(
            runId,
            [DataGate.Share("removed_share", slot.Text, merged.Removed.Count, previous.Count, maxRemovedShare)],
            cancellationToken
        );

        List<MarketChange> changes =
        [
            .. merged.Changed.Select(change => MarketChange.Of(slot, change.Key, change.Value)),
            .. merged.Removed.Select(key => MarketChange.Gone(slot, key)),
        ];
        if (isLate)
        {
            HashSet<MarketKey> already = await MarketHistory.ReadKeysAtAsync(connection, next!.Value, cancellationToken);
            changes.AddRange(
                merged
                    .Changed.Select(change => change.Key)
                    .Concat(merged.Removed)
                    .Where(key => !already.Contains(key))
                    .Select(key =>
                        previous.TryGetValue(key, out Quote before)
                            ? MarketChange.Of(next.Value, key, before)
                            : MarketChange.Gone(next.Value, key)
                    )
                    .ToList()
            );
        }

        string deltaKey = SpotKeys.Delta(slot, Guid.NewGuid().ToString("N")[..8]);
        await bucket.WriteAsync(
            deltaKey,
            RawFile.Write(
                new RawHeader(MarketChange.Schema, slot.Text, changes.Count, [], seen.Capacity, scores.Asked, scores.Accounts),
                changes
            ),
            cancellationToken
        );
        await bucket.WriteAsync(SpotKeys.Merged(slot), MergedSnapshot.Write(slot, merged.Rows), cancellationToken);
        await using NpgsqlCommand update = new(
            """
            UPDATE spot.slots SET state = 'staged', delta_key = $2, is_late = $3, asked = $4, rows = $5, changed = $6, removed = $7,
                carried = $8, run_id = $9, error = NULL WHERE slot = $1
            """,
            connection
        );
        update.Add(
            slot.Utc,
            deltaKey,
            isLate,
            scores.Asked,
            merged.Rows.Count,
            merged.Changed.Count,
            merged.Removed.Count,
            merged.Carried,
            runId
        );
        await update.ExecuteNonQueryAsync(cancellationToken);
        SlotRow done = (await SlotTable.HoldAsync(connection, slot, cancellationToken))!;
        await transaction.CommitAsync(cancellationToken);
        return new StageOutcome(done, null);
    }

    /// <summary>Commits a staged slot to the history, with latest, rotation, quota ledger and partition in the same transaction. Safe to
    /// call twice.</summary>
    public async Task<SlotRow> CommitAsync(SlotTime slot, CancellationToken cancellationToken = default)
    {
        StagedSlot? staged = await ReadStagedAsync(slot, cancellationToken);
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        Rotation rotation = await SlotTable.HoldRotationAsync(connection, cancellationToken);
        SlotRow row =
            await SlotTable.HoldAsync(connection, slot, cancellationToken)
            ?? throw new InvalidOperationException($"Slot {slot} was never started.");
        if (row.State == SlotState.Present)
            return row;
        if (row.State != SlotState.Staged || staged is null)
            throw new InvalidOperationException($"Slot {slot} is not staged.");

        await MarketHistory.StoreAsync(connection, staged.Changes, row.IsLate, cancellationToken);
        await MoveRotationAsync(connection, rotation, row, staged.Uses, cancellationToken);
        await RecordUsesAsync(connection, slot, staged.Uses, cancellationToken);
        await Partitions.RecordPresentAsync(
            connection,
            Kind,
            row.RunId,
            [(new PartitionOutcome(slot.Text, staged.Changes.Count, row.Rows, row.Carried, 0), "")],
            cancellationToken
        );
        await using NpgsqlCommand update = new(
            "UPDATE spot.slots SET state = 'present', committed_at = now(), error = NULL WHERE slot = $1",
            connection
        )
        {
            Parameters = { new() { Value = slot.Utc } },
        };
        await update.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return row with { State = SlotState.Present };
    }

    /// <summary>The staged delta of a slot; null when it is not staged.</summary>
    public async Task<StagedSlot?> ReadStagedAsync(SlotTime slot, CancellationToken cancellationToken = default)
    {
        SlotRow? row = await new SlotTable(database).ReadAsync(slot, cancellationToken);
        if (row is not { State: SlotState.Staged, DeltaKey: { } key })
            return null;
        (RawHeader header, List<MarketChange> changes) = RawFile.Read<MarketChange>(
            await bucket.NeedAsync(key, cancellationToken),
            MarketChange.Schema,
            key
        );
        return new StagedSlot(slot, changes, header.Accounts ?? []);
    }

    private async Task MoveRotationAsync(
        NpgsqlConnection connection,
        Rotation rotation,
        SlotRow row,
        IReadOnlyList<AccountUse> uses,
        CancellationToken cancellationToken
    )
    {
        if (row.IsLate)
            return;

        // A slot without any answer leaves its capacity to the next one.
        bool moves = row.Asked > 0 && row.Capacity == options.Ladder().At(rotation.CapacityIndex);
        int account = uses.Count == 0 ? rotation.AccountIndex : Math.Max(0, options.AccountPool.ToList().IndexOf(uses[^1].Account));
        await using NpgsqlCommand update = new(
            "UPDATE spot.rotation SET capacity_index = $1, account_index = $2, workload_date = $3, latest_slot = $4",
            connection
        )
        {
            Parameters =
            {
                new() { Value = moves ? (rotation.CapacityIndex + 1) % options.Ladder().Count : rotation.CapacityIndex },
                new() { Value = account },
                new() { Value = row.Slot.Day },
                new() { Value = row.Slot.Utc },
            },
        };
        await update.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task RecordUsesAsync(
        NpgsqlConnection connection,
        SlotTime slot,
        IReadOnlyList<AccountUse> uses,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand insert = new(
            """
            INSERT INTO spot.quota_ledger AS q (configuration, account, last_used_at) SELECT configuration, account, $3
            FROM unnest($1, $2) AS u (configuration, account) ORDER BY configuration
            ON CONFLICT (configuration) DO UPDATE SET account = EXCLUDED.account,
                last_used_at = greatest(q.last_used_at, EXCLUDED.last_used_at)
            """,
            connection
        )
        {
            Parameters =
            {
                new() { Value = uses.SelectMany(use => use.Configurations).ToArray() },
                new() { Value = uses.SelectMany(use => use.Configurations.Select(_ => use.Account)).ToArray() },
                new() { Value = slot.Utc },
            },
        };
        await insert.ExecuteNonQueryAsync(cancellationToken);
        await using NpgsqlCommand forget = new("DELETE FROM spot.quota_ledger WHERE last_used_at < $1", connection)
        {
            Parameters = { new() { Value = slot.Utc.AddDays(-7) } },
        };
        await forget.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<(SlotTime? Staged, SlotTime? Newest, SlotTime? Next)> NeighboursAsync(
        NpgsqlConnection connection,
        SlotTime slot,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            """
            SELECT (SELECT slot FROM spot.slots WHERE state = 'staged'), (SELECT max(slot) FROM spot.slots WHERE state = 'present'),
                (SELECT min(slot) FROM spot.slots WHERE state = 'present' AND slot > $1)
            """,
            connection
        )
        {
            Parameters = { new() { Value = slot.Utc } },
        };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (At(0), At(1), At(2));

        SlotTime? At(int column) => reader.IsDBNull(column) ? null : SlotTime.Of(reader.GetDateTime(column));
    }
}
