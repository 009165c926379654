using System.Text.Json;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Operations.Leases;

/// <summary>A lease for display. Times are UTC; seconds and cost are final once it is closed, 0 before.</summary>
/// <param name="Overdue">Its machines are still leased after its deadline.</param>
public sealed record LeaseView(
    string LeaseId,
    long Turn,
    string Kind,
    string Cluster,
    string RunId,
    string InstanceId,
    LeaseState State,
    bool Overdue,
    DateTime OpenedAt,
    DateTime? GrantedAt,
    DateTime? Deadline,
    DateTime? ClosedAt,
    LeaseCloser? ClosedBy,
    int Failures,
    string? Error,
    long SecondsBilled,
    decimal CostUsd,
    IReadOnlyList<LeasedMachineView> Machines
);

/// <summary>A machine of a lease.</summary>
public sealed record LeasedMachineView(
    string Id,
    string Type,
    string State,
    string StateBefore,
    bool Ours,
    decimal HourlyPriceUsd,
    long SecondsBilled,
    decimal CostUsd,
    string PriceSource
);

/// <summary>Which leases to read.</summary>
public enum LeaseSelection
{
    /// <summary>Not closed yet.</summary>
    Open,

    /// <summary>Open beyond their deadline, with machines.</summary>
    Overdue,

    /// <summary>Over for good.</summary>
    Closed,

    /// <summary>All of them.</summary>
    All,
}

/// <summary>A page of leases.</summary>
/// <param name="Before">Pass this to get the next page; null: none.</param>
public sealed record LeasePage(IReadOnlyList<LeaseView> Leases, long? Before);

/// <summary>Reads leases for display, newest first.</summary>
public sealed class LeaseReader(NpgsqlDataSource database)
{
    public const int MostOnPage = 200;

    /// <param name="cluster">Only this cluster; null: any.</param>
    /// <param name="top">Leases on a page, 1 to 200.</param>
    /// <param name="before">From the previous page; null: the newest.</param>
    public async Task<LeasePage> ReadAsync(
        LeaseSelection state,
        string? cluster,
        int top,
        long? before,
        CancellationToken cancellationToken = default
    )
    {
        List<LeaseView> leases = [];
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT lease_id, turn, kind, cluster, run_id, instance_id, state, state IN ('held', 'stopping')
                AND deadline < now(), opened_at, granted_at, deadline, closed_at, closed_by, failures, error,
                coalesce(m.seconds, 0), coalesce(m.cost, 0), coalesce(m.machines, '[]')
            FROM operations.machine_leases AS l LEFT JOIN LATERAL (
                SELECT sum(seconds_billed)::bigint AS seconds, sum(cost_usd) AS cost,
                    json_agg(json_build_object('id', machine_id, 'type', machine_type, 'state', state, 'stateBefore', state_before,
                    'ours', ours, 'hourlyPriceUsd', trim_scale(hourly_price_usd), 'secondsBilled', seconds_billed, 'costUsd', cost_usd,
                        'priceSource', price_source) ORDER BY array_position(l.machine_ids, machine_id)) AS machines
                FROM operations.leased_machines WHERE lease_id = l.lease_id) AS m ON true
            WHERE CASE $1 WHEN 'all' THEN true WHEN 'closed' THEN state = 'closed' WHEN 'open' THEN state <> 'closed'
                ELSE state IN ('held', 'stopping') AND deadline < now() END
                AND ($2 IS NULL OR cluster = $2) AND ($3 IS NULL OR turn < $3)
            ORDER BY turn DESC LIMIT $4
            """
        );
        command.Parameters.Add(new() { Value = state.Text() });
        command.AddNullable(NpgsqlDbType.Text, cluster);
        command.AddNullable(NpgsqlDbType.Bigint, before);
        command.Parameters.Add(new() { Value = top + 1 });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            leases.Add(
                new LeaseView(
                    reader.GetString(0),
                    reader.GetInt64(1),
                    reader.GetString(2),
                    reader.GetString(3),
                    reader.GetString(4),
                    reader.GetString(5),
                    StoredText.Read<LeaseState>(reader.GetString(6)),
                    !reader.IsDBNull(7) && reader.GetBoolean(7),
                    reader.GetDateTime(8),
                    Time(9),
                    Time(10),
                    Time(11),
                    Text(12) is { } by ? StoredText.Read<LeaseCloser>(by) : null,
                    reader.GetInt32(13),
                    Text(14),
                    reader.GetInt64(15),
                    reader.GetDecimal(16),
                    JsonSerializer.Deserialize<LeasedMachineView[]>(reader.GetString(17), JsonSerializerOptions.Web)!
                )
            );
        }

        bool more = leases.Count > top;
        if (more)
            leases.RemoveAt(top);
        return new LeasePage(leases, more ? leases[^1].Turn : null);

        DateTime? Time(int column) => reader.GetNullable<DateTime>(column);
        string? Text(int column) => reader.GetNullableString(column);
    }
}
