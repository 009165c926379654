using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Operations.Leases;

/// <summary>A lease as stored.</summary>
internal sealed record LeaseRow(
    string LeaseId,
    long Turn,
    string Kind,
    string Cluster,
    string RunId,
    string InstanceId,
    IReadOnlyList<string> MachineIds,
    int LongestSeconds,
    bool StopsRunning,
    LeaseState State,
    DateTime? GrantedAt,
    DateTime? Deadline,
    DateTime? StartCalledAt,
    DateTime? StartConfirmedAt,
    DateTime? StopCalledAt,
    DateTime? ClosedAt,
    LeaseCloser? ClosedBy,
    string? Error,
    DateTime Now
)
{
    public bool IsHeld => State is LeaseState.Held or LeaseState.Stopping;

    public bool IsOverdue => IsHeld && Deadline < Now;
}

/// <summary>A machine of a granted lease.</summary>
internal sealed record LeasedMachine(
    string Id,
    string Type,
    decimal HourlyPriceUsd,
    string StateBefore,
    bool Ours,
    string State,
    DateTime? OnSince,
    DateTime? OffAt,
    long SecondsBilled,
    decimal CostUsd,
    string PriceSource
);

/// <summary>Machine seconds and US dollars.</summary>
internal readonly record struct Spent(long Seconds, decimal Usd);

/// <summary>SQL of leases. All times are the database's.</summary>
/// <remarks>Order of locks in every transaction: the advisory lock of grants → a lease's row → its machines.</remarks>
internal static class MachineLeases
{
    /// <summary>Grants are serialised, so that two never see the same free cluster or the same remaining budget.</summary>
    private const long GrantLock = 0x4475_7261_626C_6502;

    private const string Columns =
        "lease_id, turn, kind, cluster, run_id, instance_id, machine_ids, longest_seconds, stops_running, state, granted_at, deadline, "
        + "start_called_at, start_confirmed_at, stop_called_at, closed_at, closed_by, error, clock_timestamp()";

    public static Task OpenAsync(NpgsqlConnection connection, LeaseRequest request, CancellationToken cancellationToken) =>
        ExecuteAsync(
            connection,
            """
            INSERT INTO operations.machine_leases (lease_id, kind, cluster, run_id, instance_id, machine_ids, longest_seconds,
                stops_running)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (lease_id) DO NOTHING
            """,
            cancellationToken,
            request.Cluster.LeaseId,
            request.Cluster.Kind,
            request.Cluster.Cluster,
            request.Cluster.RunId,
            request.InstanceId,
            request.Cluster.MachineIds.ToArray(),
            (int)Math.Ceiling(request.Cluster.Longest.TotalSeconds),
            request.Cluster.StopsRunning
        );

    public static Task<LeaseRow?> ReadAsync(NpgsqlConnection connection, string leaseId, CancellationToken cancellationToken) =>
        OneAsync(connection, leaseId, "", cancellationToken);

    /// <summary>Locks this lease until the transaction ends.</summary>
    public static Task<LeaseRow?> LockAsync(NpgsqlConnection connection, string leaseId, CancellationToken cancellationToken) =>
        OneAsync(connection, leaseId, "FOR UPDATE", cancellationToken);

    public static Task LockGrantsAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, "SELECT pg_advisory_xact_lock($1)", cancellationToken, GrantLock);

    /// <summary>The leases ahead of a waiting one, in order: those that hold its cluster or one of its machines, and earlier requests for
    /// them.</summary>
    public static async Task<IReadOnlyList<string>> BlockersAsync(
        NpgsqlConnection connection,
        string leaseId,
        CancellationToken cancellationToken
    )
    {
        List<string> runs = [];
        await using NpgsqlCommand command = Command(
            connection,
            """
            SELECT other.run_id FROM operations.machine_leases AS mine JOIN operations.machine_leases AS other
                ON other.kind = mine.kind AND other.lease_id <> mine.lease_id
                    AND (other.cluster = mine.cluster OR other.machine_ids && mine.machine_ids)
            WHERE mine.lease_id = $1 AND other.state <> 'closed' AND (other.state IN ('held', 'stopping') OR other.turn < mine.turn)
            ORDER BY other.state = 'waiting', other.turn
            """,
            leaseId
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            runs.Add(reader.GetString(0));
        return runs;
    }

    /// <summary>What a run, or with null all runs granted today (UTC), have spent or may still spend: open leases count up to their
    /// deadline.</summary>
    public static async Task<Spent> SpentAsync(
        NpgsqlConnection connection,
        string? runId,
        string exceptLease,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = Command(
            connection,
            """
            SELECT coalesce(sum(CASE WHEN l.state = 'closed' THEN m.seconds_billed
                ELSE ceil(extract(epoch FROM l.deadline - l.granted_at)) END), 0)::bigint,
                coalesce(sum(CASE WHEN l.state = 'closed' THEN m.cost_usd
                    ELSE m.hourly_price_usd * extract(epoch FROM l.deadline - l.granted_at) / 3600 END), 0)::numeric(20, 4)
            FROM operations.machine_leases AS l JOIN operations.leased_machines AS m USING (lease_id)
            WHERE m.ours AND l.lease_id <> $2 AND CASE WHEN $1::text IS NULL THEN l.granted_at >= date_trunc('day', now(), 'UTC')
                ELSE l.run_id = $1 END
            """,
            Nullable(runId),
            exceptLease
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new Spent(reader.GetInt64(0), reader.GetDecimal(1));
    }

    public static async Task GrantAsync(
        NpgsqlConnection connection,
        LeaseRow lease,
        IReadOnlyList<(Machine Machine, HourlyPrice Price)> machines,
        CancellationToken cancellationToken
    )
    {
        await ExecuteAsync(
            connection,
            """
            UPDATE operations.machine_leases SET state = 'held', granted_at = clock_timestamp(),
                deadline = clock_timestamp() + make_interval(secs => longest_seconds) WHERE lease_id = $1
            """,
            cancellationToken,
            lease.LeaseId
        );
        foreach ((Machine machine, HourlyPrice price) in machines)
        {
            bool wasOn = machine.State is "running" or "pending",
                ours = !wasOn || lease.StopsRunning;
            await ExecuteAsync(
                connection,
                """
                INSERT INTO operations.leased_machines (lease_id, machine_id, machine_type, hourly_price_usd, state_before, ours, state,
                    on_since, price_source)
                VALUES ($1, $2, $3, $4, $5, $6, $5, CASE WHEN $7 THEN clock_timestamp() END, $8)
                """,
                cancellationToken,
                lease.LeaseId,
                machine.Id,
                machine.Type,
                price.Usd,
                machine.State,
                ours,
                ours && wasOn,
                price.Source
            );
        }
    }

    public static async Task<IReadOnlyList<LeasedMachine>> MachinesAsync(
        NpgsqlConnection connection,
        string leaseId,
        CancellationToken cancellationToken
    )
    {
        List<LeasedMachine> machines = [];
        await using NpgsqlCommand command = Command(
            connection,
            """
            SELECT machine_id, machine_type, hourly_price_usd, state_before, ours, m.state, on_since, off_at, seconds_billed, cost_usd,
                price_source
            FROM operations.leased_machines AS m JOIN operations.machine_leases USING (lease_id) WHERE lease_id = $1
            ORDER BY array_position(machine_ids, machine_id)
            """,
            leaseId
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            machines.Add(
                new LeasedMachine(
                    reader.GetString(0),
                    reader.GetString(1),
                    reader.GetDecimal(2),
                    reader.GetString(3),
                    reader.GetBoolean(4),
                    reader.GetString(5),
                    Time(reader, 6),
                    Time(reader, 7),
                    reader.GetInt64(8),
                    reader.GetDecimal(9),
                    reader.GetString(10)
                )
            );
        }

        return machines;
    }

    /// <summary>Records the provider's report. A machine of ours seen on is billed from the start call; one seen off afterwards, until
    /// now.</summary>
    public static Task ObserveAsync(
        NpgsqlConnection connection,
        string leaseId,
        IReadOnlyList<Machine> machines,
        CancellationToken cancellationToken
    ) =>
        ExecuteAsync(
            connection,
            """
            UPDATE operations.leased_machines AS m SET state = seen.state, state_at = clock_timestamp(),
                on_since = CASE WHEN m.ours AND NOT seen.off THEN coalesce(m.on_since, l.start_called_at) ELSE m.on_since END,
                off_at = CASE WHEN seen.off AND m.on_since IS NOT NULL THEN coalesce(m.off_at, clock_timestamp())
                    WHEN seen.off THEN m.off_at END
            FROM unnest($2::text[], $3::text[], $4::boolean[]) AS seen (id, state, off), operations.machine_leases AS l
            WHERE m.lease_id = $1 AND m.machine_id = seen.id AND l.lease_id = m.lease_id AND l.state <> 'closed'
            """,
            cancellationToken,
            leaseId,
            machines.Select(machine => machine.Id).ToArray(),
            machines.Select(machine => machine.State).ToArray(),
            machines.Select(machine => machine.IsOff).ToArray()
        );

    public static Task MarkAsync(NpgsqlConnection connection, string leaseId, string column, CancellationToken cancellationToken) =>
        ExecuteAsync(
            connection,
            column switch
            {
                "start_called_at" => """
                UPDATE operations.machine_leases SET start_called_at = coalesce(start_called_at, clock_timestamp()) WHERE lease_id = $1
                """,
                "start_confirmed_at" => """
                UPDATE operations.machine_leases SET start_confirmed_at = coalesce(start_confirmed_at, clock_timestamp())
                WHERE lease_id = $1
                """,
                "stop_called_at" => """
                UPDATE operations.machine_leases SET state = 'stopping',
                    stop_called_at = coalesce(stop_called_at, clock_timestamp()) WHERE lease_id = $1 AND state <> 'closed'
                """,
                _ => throw new ArgumentOutOfRangeException(nameof(column)),
            },
            cancellationToken,
            leaseId
        );

    /// <summary>After a confirmed start the machines of ours are billed, even if no report ever shows them on.</summary>
    public static Task BillFromStartAsync(NpgsqlConnection connection, string leaseId, CancellationToken cancellationToken) =>
        ExecuteAsync(
            connection,
            """
            UPDATE operations.leased_machines AS m SET on_since = coalesce(m.on_since, l.start_called_at)
            FROM operations.machine_leases AS l
            WHERE m.lease_id = $1 AND l.lease_id = m.lease_id AND m.ours
            """,
            cancellationToken,
            leaseId
        );

    public static async Task CloseAsync(
        NpgsqlConnection connection,
        string leaseId,
        LeaseCloser by,
        string? error,
        IReadOnlyList<(string Id, long Seconds, decimal Cost)> billed,
        CancellationToken cancellationToken
    )
    {
        await ExecuteAsync(
            connection,
            """
            UPDATE operations.leased_machines AS m SET seconds_billed = b.seconds, cost_usd = b.cost
            FROM unnest($2::text[], $3::bigint[], $4::numeric[]) AS b (id, seconds, cost)
            WHERE m.lease_id = $1 AND m.machine_id = b.id
            """,
            cancellationToken,
            leaseId,
            billed.Select(b => b.Id).ToArray(),
            billed.Select(b => b.Seconds).ToArray(),
            billed.Select(b => b.Cost).ToArray()
        );
        await ExecuteAsync(
            connection,
            """
            UPDATE operations.machine_leases SET state = 'closed', closed_at = clock_timestamp(), closed_by = $2,
                error = coalesce($3, error) WHERE lease_id = $1 AND state <> 'closed'
            """,
            cancellationToken,
            leaseId,
            by.Text(),
            Nullable(error)
        );
    }

    public static Task RecordFailureAsync(NpgsqlConnection connection, string leaseId, string error, CancellationToken cancellationToken) =>
        ExecuteAsync(
            connection,
            "UPDATE operations.machine_leases SET failures = failures + 1, error = $2 WHERE lease_id = $1",
            cancellationToken,
            leaseId,
            error
        );

    /// <summary>Open leases in their order, each with whether a later execution of its instance has opened another.</summary>
    public static async Task<IReadOnlyList<(LeaseRow Lease, bool Superseded)>> OpenLeasesAsync(
        NpgsqlConnection connection,
        CancellationToken cancellationToken
    )
    {
        List<(LeaseRow, bool)> rows = [];
        await using NpgsqlCommand command = Command(
            connection,
            $"""
            SELECT {Columns}, EXISTS (SELECT FROM operations.machine_leases AS later
                WHERE later.instance_id = l.instance_id AND later.run_id <> l.run_id AND later.turn > l.turn)
            FROM operations.machine_leases AS l WHERE state <> 'closed' ORDER BY turn
            """
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            rows.Add((Row(reader), reader.GetBoolean(19)));
        return rows;
    }

    /// <summary>Leases closed within the hour whose start call was never answered, and whose machines have no other holder: that call may
    /// still take effect.</summary>
    public static async Task<IReadOnlyList<LeaseRow>> UnconfirmedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        List<LeaseRow> rows = [];
        await using NpgsqlCommand command = Command(
            connection,
            $"""
            SELECT {Columns} FROM operations.machine_leases AS l
            WHERE state = 'closed' AND closed_at > now() - interval '1 hour' AND start_called_at IS NOT NULL AND start_confirmed_at IS NULL
                AND NOT EXISTS (SELECT FROM operations.machine_leases AS other WHERE other.granted_at > l.granted_at
                    AND other.kind = l.kind AND other.machine_ids && l.machine_ids)
            """
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(Row(reader));
        return rows;
    }

    private static async Task<LeaseRow?> OneAsync(
        NpgsqlConnection connection,
        string leaseId,
        string locking,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = Command(
            connection,
            $"SELECT {Columns} FROM operations.machine_leases WHERE lease_id = $1 {locking}",
            leaseId
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? Row(reader) : null;
    }

    private static LeaseRow Row(NpgsqlDataReader reader) =>
        new(
            reader.GetString(0),
            reader.GetInt64(1),
            reader.GetString(2),
            reader.GetString(3),
            reader.GetString(4),
            reader.GetString(5),
            reader.GetFieldValue<string[]>(6),
            reader.GetInt32(7),
            reader.GetBoolean(8),
            StoredText.Read<LeaseState>(reader.GetString(9)),
            Time(reader, 10),
            Time(reader, 11),
            Time(reader, 12),
            Time(reader, 13),
            Time(reader, 14),
            Time(reader, 15),
            reader.GetNullableString(16) is { } by ? StoredText.Read<LeaseCloser>(by) : null,
            reader.GetNullableString(17),
            reader.GetDateTime(18)
        );

    private static DateTime? Time(NpgsqlDataReader reader, int column) => reader.GetNullable<DateTime>(column);

    private static NpgsqlParameter Nullable(string? value) =>
        new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params ReadOnlySpan<object> values)
    {
        NpgsqlCommand command = new(sql, connection);
        foreach (object value in values)
            command.Parameters.Add(value as NpgsqlParameter ?? new NpgsqlParameter { Value = value });
        return command;
    }

    private static async Task ExecuteAsync(
        NpgsqlConnection connection,
        string sql,
        CancellationToken cancellationToken,
        params object[] values
    )
    {
        await using NpgsqlCommand command = Command(connection, sql, values);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
