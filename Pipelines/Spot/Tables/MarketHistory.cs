using Durable.Pipelines.Spot.Model;
using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Pipelines.Spot.Tables;

/// <summary>The market's rows: latest, every change, and the table as of any time.</summary>
public sealed class MarketHistory(NpgsqlDataSource database)
{
    /// <summary>The first slot of a market stores a row of every key.</summary>
    private const int LongestStatementSeconds = 600;

    private const string Values = "score, t3, t2, interruption, spot_price, on_demand_price";

    /// <summary>The current market.</summary>
    public async Task<Dictionary<MarketKey, Quote>> ReadLatestAsync(CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        return await ReadLatestAsync(connection, cancellationToken);
    }

    /// <summary>The newest slot and its market, from one snapshot.</summary>
    public async Task<(SlotTime Slot, Dictionary<MarketKey, Quote> Rows)> ReadCommittedAsync(CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction snapshot = await connection.BeginTransactionAsync(
            System.Data.IsolationLevel.RepeatableRead,
            cancellationToken
        );
        await using NpgsqlCommand newest = new("SELECT latest_slot FROM spot.rotation", connection);
        SlotTime slot = SlotTime.Of(
            (DateTime)(await newest.ExecuteScalarAsync(cancellationToken) ?? throw new InvalidOperationException("No slot was committed."))
        );
        return (slot, await ReadLatestAsync(connection, cancellationToken));
    }

    internal static Task<Dictionary<MarketKey, Quote>> ReadLatestAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        ReadAsync(
            new NpgsqlCommand(
                $"SELECT instance_type, region, zone, {Values} FROM spot.spot_latest JOIN spot.market_keys USING (key_id) ORDER BY key_id",
                connection
            ),
            cancellationToken
        );

    /// <summary>The market as of a time.</summary>
    public async Task<Dictionary<MarketKey, Quote>> ReadAsOfAsync(DateTime momentUtc, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        return await ReadAsOfAsync(connection, momentUtc, cancellationToken);
    }

    internal static Task<Dictionary<MarketKey, Quote>> ReadAsOfAsync(
        NpgsqlConnection connection,
        DateTime momentUtc,
        CancellationToken cancellationToken
    ) =>
        ReadAsync(
            new NpgsqlCommand($"SELECT instance_type, region, zone, {Values} FROM spot.market_as_of($1)", connection)
            {
                Parameters = { new() { Value = momentUtc } },
            },
            cancellationToken
        );

    /// <summary>Matching rows of the market, as of a time or now, in key order.</summary>
    public async Task<IReadOnlyList<MarketChange>> FindAsync(
        DateTime? momentUtc,
        string? instanceType,
        string? region,
        string? zone,
        int most,
        CancellationToken cancellationToken = default
    )
    {
        string source = momentUtc is null
            ? $"(SELECT instance_type, region, zone, {Values}, since FROM spot.spot_latest JOIN spot.market_keys USING (key_id))"
            : $"(SELECT instance_type, region, zone, {Values}, c.at AS since FROM spot.market_keys k CROSS JOIN LATERAL (SELECT * FROM spot.spot_changes s WHERE s.key_id = k.key_id AND s.at <= $5 ORDER BY s.at DESC LIMIT 1) c WHERE NOT ceased)";
        await using NpgsqlCommand command = database.CreateCommand(
            $"""
            SELECT since, instance_type, region, zone, {Values}, false FROM {source} m
            WHERE ($1::text IS NULL OR instance_type = $1) AND ($2::text IS NULL OR region = $2) AND ($3::text IS NULL OR zone = $3)
            ORDER BY instance_type, region, zone LIMIT $4
            """
        );
        foreach (string? text in new[] { instanceType, region, zone })
            command.Parameters.Add(SlotTable.Nullable(text, NpgsqlDbType.Text));
        command.Parameters.Add(new() { Value = most });
        if (momentUtc is { } moment)
            command.Parameters.Add(new() { Value = moment });
        return await ReadChangesAsync(command, cancellationToken);
    }

    /// <summary>Every change of one row in a range, oldest first.</summary>
    public async Task<IReadOnlyList<MarketChange>> ReadHistoryAsync(
        string instanceType,
        string region,
        string zone,
        DateTime fromUtc,
        DateTime toUtc,
        int most,
        CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            $"""
            SELECT at, instance_type, region, zone, {Values}, ceased FROM spot.market_keys JOIN spot.spot_changes USING (key_id)
            WHERE instance_type = $1 AND region = $2 AND zone = $3 AND at BETWEEN $4 AND $5 ORDER BY at LIMIT $6
            """
        );
        command.Add(instanceType, region, zone, fromUtc, toUtc, most);
        return await ReadChangesAsync(command, cancellationToken);
    }

    /// <summary>The query selector: every key ever published, in order.</summary>
    public async Task<IReadOnlyList<MarketKey>> ReadKeysAsync(CancellationToken cancellationToken = default)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT instance_type, region, zone FROM spot.market_keys ORDER BY instance_type, region, zone"
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        List<MarketKey> keys = [];
        while (await reader.ReadAsync(cancellationToken))
            keys.Add(new MarketKey(reader.GetString(0), reader.GetString(1), reader.GetString(2)));
        return keys;
    }

    /// <summary>Stores a staged delta in the caller's transaction: new keys, changes, and latest when it is the newest slot.</summary>
    /// <remarks>One COPY into a temporary table, then one statement: each row looks up its key once and then uses its number.</remarks>
    internal static async Task StoreAsync(
        NpgsqlConnection connection,
        IReadOnlyList<MarketChange> changes,
        bool isLate,
        CancellationToken cancellationToken
    )
    {
        await ExecuteAsync(
            connection,
            """
            SET LOCAL work_mem = '64MB';
            CREATE TEMPORARY TABLE delta (at timestamptz, instance_type text, region text, zone text, score smallint, t3 smallint, t2 smallint, interruption real, spot_price double precision,
                on_demand_price double precision, ceased boolean) ON COMMIT DROP
            """,
            cancellationToken
        );
        await CopyAsync(connection, "delta", changes, cancellationToken);
        if (changes.Count > 1000)
            await ExecuteAsync(connection, "ANALYZE delta", cancellationToken);
        foreach (string month in changes.Select(change => change.At[..7]).Distinct())
            await EnsurePartitionAsync(connection, month, cancellationToken);
        await ExecuteAsync(
            connection,
            isLate
                ? $"{WithNewKeys} {StoreChanges}"
                : $"""
                {WithNewKeys}, stored AS ({StoreChanges} RETURNING *),
                gone AS (DELETE FROM spot.spot_latest l USING stored s WHERE s.ceased AND l.key_id = s.key_id)
                INSERT INTO spot.spot_latest (key_id, since, {Values}) SELECT key_id, at, {Values} FROM stored WHERE NOT ceased
                ON CONFLICT (key_id) DO UPDATE SET since = EXCLUDED.since, score = EXCLUDED.score, t3 = EXCLUDED.t3, t2 = EXCLUDED.t2, interruption = EXCLUDED.interruption,
                    spot_price = EXCLUDED.spot_price, on_demand_price = EXCLUDED.on_demand_price
                """,
            cancellationToken
        );
    }

    // The main statement does not see rows inserted in its WITH, so new keys come from its RETURNING.
    private const string WithNewKeys = """
        WITH fresh AS (
            INSERT INTO spot.market_keys (instance_type, region, zone)
            SELECT DISTINCT instance_type, region, zone FROM delta d
            WHERE NOT EXISTS (SELECT FROM spot.market_keys k WHERE k.instance_type = d.instance_type AND k.zone = d.zone
                AND k.region = d.region)
            ORDER BY instance_type, region, zone
            RETURNING key_id, instance_type, region, zone)
        """;

    private const string StoreChanges = $"""
        INSERT INTO spot.spot_changes (at, key_id, {Values}, ceased)
        SELECT at, key_id, {Values}, ceased FROM delta
        JOIN (SELECT key_id, instance_type, region, zone FROM spot.market_keys UNION ALL SELECT *
            FROM fresh) k USING (instance_type, zone, region)
        """;

    /// <summary>Keys that have a change at exactly a slot.</summary>
    internal static async Task<HashSet<MarketKey>> ReadKeysAtAsync(
        NpgsqlConnection connection,
        SlotTime slot,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            "SELECT instance_type, region, zone FROM spot.spot_changes JOIN spot.market_keys USING (key_id) WHERE at = $1",
            connection
        )
        {
            Parameters = { new() { Value = slot.Utc } },
        };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        HashSet<MarketKey> keys = [];
        while (await reader.ReadAsync(cancellationToken))
            keys.Add(new MarketKey(reader.GetString(0), reader.GetString(1), reader.GetString(2)));
        return keys;
    }

    /// <summary>Drops months that end before a time. Values valid then stay valid: they are written again at the new start of the
    /// history.</summary>
    /// <returns>Months dropped.</returns>
    public async Task<int> PruneAsync(DateTime keepFromUtc, CancellationToken cancellationToken = default)
    {
        DateTime begin = new(keepFromUtc.Year, keepFromUtc.Month, 1, 0, 0, 0, DateTimeKind.Utc);
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await SlotTable.HoldRotationAsync(connection, cancellationToken);
        List<string> old = [];
        await using (
            NpgsqlCommand list = new(
                """
                SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'spot.spot_changes'::regclass AND c.relname < $1 ORDER BY 1
                """,
                connection
            )
            {
                Parameters = { new() { Value = PartitionOf($"{begin:yyyy-MM}") } },
            }
        )
        await using (NpgsqlDataReader reader = await list.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
                old.Add(reader.GetString(0));
        }

        if (old.Count == 0)
            return 0;
        await EnsurePartitionAsync(connection, $"{begin:yyyy-MM}", cancellationToken);
        await using (
            NpgsqlCommand carry = new(
                $"""
                INSERT INTO spot.spot_changes (at, key_id, {Values}, ceased)
                SELECT $1, c.key_id, {Values}, ceased FROM spot.market_keys k
                CROSS JOIN LATERAL (SELECT * FROM spot.spot_changes s WHERE s.key_id = k.key_id AND s.at < $1 ORDER BY s.at DESC
                    LIMIT 1) c WHERE NOT ceased
                ON CONFLICT (key_id, at) DO NOTHING
                """,
                connection
            )
            {
                Parameters = { new() { Value = begin } },
            }
        )
            await carry.ExecuteNonQueryAsync(cancellationToken);
        foreach (string partition in old)
            await ExecuteAsync(connection, $"DROP TABLE spot.{partition}", cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return old.Count;
    }

    private static string PartitionOf(string month) => "spot_changes_" + month.Replace("-", "", StringComparison.Ordinal);

    private static async Task EnsurePartitionAsync(NpgsqlConnection connection, string month, CancellationToken cancellationToken)
    {
        // A month comes from SlotTime.Text: digits and a hyphen.
        DateOnly first = DateOnly.ParseExact(month + "-01", "yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
        await using NpgsqlCommand there = new("SELECT to_regclass($1) IS NOT NULL", connection)
        {
            Parameters = { new() { Value = "spot." + PartitionOf(month) } },
        };
        if (await there.ExecuteScalarAsync(cancellationToken) is true)
            return;
        await ExecuteAsync(
            connection,
            FormattableString.Invariant(
                $"""
                CREATE TABLE spot.{PartitionOf(month)} PARTITION OF spot.spot_changes FOR VALUES
                FROM ('{first:yyyy-MM-dd}T00:00:00Z') TO ('{first.AddMonths(1):yyyy-MM-dd}T00:00:00Z')
                """
            ),
            cancellationToken
        );
    }

    /// <param name="table">Has the columns of the temporary table <c>delta</c>; never user input.</param>
    internal static async Task CopyAsync(
        NpgsqlConnection connection,
        string table,
        IReadOnlyList<MarketChange> changes,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
            $"""
            COPY {table} (at, instance_type, region, zone, score, t3, t2, interruption, spot_price, on_demand_price, ceased)
            FROM STDIN (FORMAT binary)
            """,
            cancellationToken
        );
        (string text, DateTime at) = ("", default); // a slot's rows have one time, a late one's two
        foreach (MarketChange change in changes)
        {
            if (change.At != text)
                (text, at) = (change.At, SlotTime.Parse(change.At).Utc);
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(at, NpgsqlDbType.TimestampTz, cancellationToken);
            await copy.WriteAsync(change.InstanceType, NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync(change.Region, NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync(change.Zone, NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync((short)change.Score, NpgsqlDbType.Smallint, cancellationToken);
            await copy.WriteAsync((short)change.T3, NpgsqlDbType.Smallint, cancellationToken);
            await copy.WriteAsync((short)change.T2, NpgsqlDbType.Smallint, cancellationToken);
            await copy.WriteAsync((float)change.Interruption, NpgsqlDbType.Real, cancellationToken);
            await copy.WriteAsync(change.SpotPrice, NpgsqlDbType.Double, cancellationToken);
            await copy.WriteAsync(change.OnDemandPrice, NpgsqlDbType.Double, cancellationToken);
            await copy.WriteAsync(change.Ceased, NpgsqlDbType.Boolean, cancellationToken);
        }

        await copy.CompleteAsync(cancellationToken);
    }

    private static async Task<Dictionary<MarketKey, Quote>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        Dictionary<MarketKey, Quote> rows = [];
        Dictionary<string, string> names = new(StringComparer.Ordinal); // a region's name repeats in thousands of rows
        await using (command)
        {
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(
                    new MarketKey(Once(reader.GetString(0)), Once(reader.GetString(1)), Once(reader.GetString(2))),
                    new Quote(
                        reader.GetInt16(3),
                        reader.GetInt16(4),
                        reader.GetInt16(5),
                        reader.GetFloat(6),
                        reader.GetDouble(7),
                        reader.GetDouble(8)
                    )
                );
            }
        }

        return rows;

        string Once(string name) => names.TryGetValue(name, out string? known) ? known : names[name] = name;
    }

    private static async Task<IReadOnlyList<MarketChange>> ReadChangesAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        List<MarketChange> changes = [];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            changes.Add(
                new MarketChange(
                    SlotTime.Of(reader.GetDateTime(0)).Text,
                    reader.GetString(1),
                    reader.GetString(2),
                    reader.GetString(3),
                    reader.GetInt16(4),
                    reader.GetInt16(5),
                    reader.GetInt16(6),
                    reader.GetFloat(7),
                    reader.GetDouble(8),
                    reader.GetDouble(9),
                    reader.GetBoolean(10)
                )
            );
        }

        return changes;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = LongestStatementSeconds };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
