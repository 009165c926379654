using Durable.Operations;
using Durable.Pipelines.Spot.Model;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Spot.Tables;

/// <summary>The record of slots, the rotation and the quota ledger.</summary>
public sealed class SlotTable(NpgsqlDataSource database)
{
    private const string Columns =
        "slot, state, capacity, run_id, delta_key, is_late, asked, rows, changed, removed, carried, rejected, error";

    /// <summary>Opens a slot, or finds it. The first capacity is kept: raw files are named by it.</summary>
    public async Task<SlotRow> BeginAsync(SlotTime slot, int capacity, string runId, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO spot.slots (slot, capacity, run_id) VALUES ($1, $2, $3) ON CONFLICT (slot) DO UPDATE
            SET run_id = CASE WHEN slots.state = 'present' THEN slots.run_id ELSE EXCLUDED.run_id END
            """
        );
        command.Parameters.Add(new() { Value = slot.Utc });
        command.Parameters.Add(new() { Value = capacity });
        command.Parameters.Add(new() { Value = runId });
        await command.ExecuteNonQueryAsync(cancellationToken);
        return (await ReadAsync(slot, cancellationToken))!;
    }

    public async Task<SlotRow?> ReadAsync(SlotTime slot, CancellationToken cancellationToken = default) =>
        (await ReadAsync($"SELECT {Columns} FROM spot.slots WHERE slot = $1", [slot.Utc], cancellationToken)).FirstOrDefault();

    /// <summary>All recorded slots of a range, in order.</summary>
    public Task<List<SlotRow>> ReadAsync(SlotTime from, SlotTime to, CancellationToken cancellationToken = default) =>
        ReadAsync($"SELECT {Columns} FROM spot.slots WHERE slot BETWEEN $1 AND $2 ORDER BY slot", [from.Utc, to.Utc], cancellationToken);

    /// <summary>Records why a slot is not present. One that became present meanwhile is unchanged.</summary>
    public async Task FailedAsync(SlotTime slot, string error, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "UPDATE spot.slots SET error = $2 WHERE slot = $1 AND state <> 'present'"
        );
        command.Parameters.Add(new() { Value = slot.Utc });
        command.Parameters.Add(new() { Value = error });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Counts records that a sink refused for good.</summary>
    public async Task RejectedAsync(SlotTime slot, int records, CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand("UPDATE spot.slots SET rejected = $2 WHERE slot = $1");
        command.Parameters.Add(new() { Value = slot.Utc });
        command.Parameters.Add(new() { Value = records });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async Task<Rotation> ReadRotationAsync(CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        return await RotationAsync(connection, "", cancellationToken);
    }

    /// <summary>Locks the rotation until the transaction ends: slots are staged and stored one at a time.</summary>
    internal static Task<Rotation> HoldRotationAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        RotationAsync(connection, " FOR UPDATE", cancellationToken);

    /// <summary>Account of each configuration asked within 24 hours before a time.</summary>
    public async Task<Dictionary<string, string>> ReadAccountsAsync(DateTime nowUtc, CancellationToken cancellationToken = default)
    {
        Dictionary<string, string> accounts = [];
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT configuration, account FROM spot.quota_ledger WHERE last_used_at > $1"
        );
        command.Parameters.Add(new() { Value = nowUtc.AddHours(-24) });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            accounts.Add(reader.GetString(0), reader.GetString(1));
        return accounts;
    }

    /// <summary>True when the last notification about slots was a failure.</summary>
    public async Task<bool> LastNewsWasFailureAsync(CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT event = 'failed' FROM operations.notifications
            WHERE event IN ('failed', 'recovered', 'completed') AND starts_with(subject, 'spot ') ORDER BY id DESC LIMIT 1
            """
        );
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    private async Task<List<SlotRow>> ReadAsync(string sql, object[] parameters, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        foreach (object parameter in parameters)
            command.Parameters.Add(new() { Value = parameter });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        List<SlotRow> rows = [];
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(Row(reader));
        return rows;
    }

    internal static async Task<SlotRow?> HoldAsync(NpgsqlConnection connection, SlotTime slot, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new($"SELECT {Columns} FROM spot.slots WHERE slot = $1 FOR UPDATE", connection)
        {
            Parameters = { new() { Value = slot.Utc } },
        };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? Row(reader) : null;
    }

    private static SlotRow Row(NpgsqlDataReader reader) =>
        new(
            SlotTime.Of(reader.GetDateTime(0)),
            StoredText.Read<SlotState>(reader.GetString(1)),
            reader.GetInt32(2),
            reader.GetString(3),
            reader.IsDBNull(4) ? null : reader.GetString(4),
            reader.GetBoolean(5),
            reader.GetInt32(6),
            reader.GetInt32(7),
            reader.GetInt32(8),
            reader.GetInt32(9),
            reader.GetInt32(10),
            reader.GetInt32(11),
            reader.IsDBNull(12) ? null : reader.GetString(12)
        );

    private static async Task<Rotation> RotationAsync(NpgsqlConnection connection, string hold, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(
            "SELECT capacity_index, account_index, workload_date, latest_slot FROM spot.rotation" + hold,
            connection
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new Rotation(
            reader.GetInt32(0),
            reader.GetInt32(1),
            reader.IsDBNull(2) ? null : reader.GetFieldValue<DateOnly>(2),
            reader.IsDBNull(3) ? null : SlotTime.Of(reader.GetDateTime(3))
        );
    }

    internal static NpgsqlParameter Nullable(object? value, NpgsqlDbType type) =>
        new() { Value = value ?? DBNull.Value, NpgsqlDbType = type };
}
