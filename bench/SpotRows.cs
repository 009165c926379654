using System.Diagnostics;
using System.Globalization;
using Durable.Operations.Schema;
using Durable.Pipelines.Spot.Merging;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Packing;
using Durable.Pipelines.Spot.Tables;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Bench;

/// <summary>The spot market's merge, delta, history and packing, beside a COPY floor of the same rows.</summary>
internal static class SpotRows
{
    private static readonly CapacityLadder Ladder = new([1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);

    public static async Task RunAsync(Action<string> say)
    {
        say(
            "Merge and delta are CPU seconds of the process; their memory is what was live before, the market and both observations, and all that was allocated. Storing and its floors are wall clock: the floors are the same rows, ready as they are stored, put by the server into three empty tables with the same indexes, and one COPY of the delta into a bare table."
        );
        say("");
        say(
            "| keys | merge + delta of the first slot, CPU s | of a slot that changes 5 % | memory of that at most, MB | store of the first slot, s | three tables with indexes, s | bare COPY, s | store of the second, s |"
        );
        say("|---|---|---|---|---|---|---|---|");
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await AppSchema.ApplyAsync(database);
        foreach (int keys in new[] { 10_000, 100_000, 1_000_000 })
        {
            for (int n = 0; n < 50; n++)
                MarketMerge.Merge(new Dictionary<MarketKey, Quote>(), Seen(1000, 0), Ladder); // compiled before it is measured
            Observation one = Seen(keys, 0),
                two = Seen(keys, 1);
            (MergedSlot first, double firstSeconds) = Timed(() => MarketMerge.Merge(new Dictionary<MarketKey, Quote>(), one, Ladder));
            long live = GC.GetTotalMemory(forceFullCollection: true),
                allocated = GC.GetTotalAllocatedBytes(precise: true);
            (MergedSlot second, double secondSeconds) = Timed(() => MarketMerge.Merge(first.Rows, two, Ladder));
            live += GC.GetTotalAllocatedBytes(precise: true) - allocated;
            (double store, double copy) = await StoreAsync(database, SlotTime.Parse("2026-01-01T00:00"), first.Changed, floor: true);
            double indexed = await FloorAsync(database);
            (double again, _) = await StoreAsync(database, SlotTime.Parse("2026-01-01T00:10"), second.Changed, floor: false);
            say(
                Invariant(
                    $"| {keys:N0} | {firstSeconds:F2} | {secondSeconds:F2} ({second.Changed.Count:N0} changed) | {live >> 20:N0} | {store:F2} | {indexed:F2} | {copy:F2} | {again:F2} |"
                )
            );
            await ExecuteAsync(database, "TRUNCATE spot.spot_latest, spot.market_keys, spot.spot_changes");
        }

        Month(say);
        Packing(say);
        await HistoryAsync(database, say);
    }

    /// <summary>A year of history: every key changes about once in three and a half days, as slots of a real market of this size
    /// would.</summary>
    internal static async Task HistoryAsync(NpgsqlDataSource database, Action<string> say)
    {
        const int Keys = 57_000,
            Changes = 104;
        await ExecuteAsync(database, "DROP TABLE IF EXISTS spot.spot_changes_202601");
        foreach (int month in Enumerable.Range(0, 12))
        {
            DateTime from = new DateTime(2026, 1, 1).AddMonths(month);
            await ExecuteAsync(
                database,
                Invariant(
                    $"""
                    CREATE TABLE spot.spot_changes_{from:yyyyMM} PARTITION OF spot.spot_changes FOR VALUES
                    FROM ('{from:yyyy-MM-dd}T00:00:00Z') TO ('{from.AddMonths(1):yyyy-MM-dd}T00:00:00Z')
                    """
                )
            );
        }

        await ExecuteAsync(
            database,
            Invariant(
                $"""
                INSERT INTO spot.market_keys (instance_type, region, zone)
                SELECT 'type-' || n / 57, 'region-' || n % 57 / 3, 'zone-' || n % 57 FROM generate_series(0, {Keys - 1}) n
                """
            )
        );
        await ExecuteAsync(
            database,
            Invariant(
                $"""
                INSERT INTO spot.spot_changes (at, key_id, score, t3, t2, interruption, spot_price, on_demand_price, ceased)
                SELECT '2026-01-01T00:00:00Z'::timestamptz + interval '10 minutes' * (c * 505 + key_id::bigint * 7919 % 505), key_id, 3, 50,
                    0, 2.5, c / 100.0, 1, false
                FROM generate_series(0, {Changes - 1}) c, spot.market_keys ORDER BY c, key_id
                """
            )
        );
        await ExecuteAsync(database, "VACUUM ANALYZE spot.spot_changes");
        MarketHistory history = new(database);
        Random random = new(1);
        List<double> ones = [];
        for (int n = 0; n < 200; n++)
        {
            DateTime at = new DateTime(2026, 1, 5, 0, 0, 0, DateTimeKind.Utc).AddMinutes(random.Next(360 * 1440));
            int key = random.Next(Keys);
            (IReadOnlyList<MarketChange> rows, double seconds) = await TimedAsync(() =>
                history.FindAsync(at, $"type-{key / 57}", null, $"zone-{key % 57}", 1)
            );
            if (rows.Count != 1)
                throw new InvalidOperationException("The row is not there.");
            ones.Add(seconds * 1000);
        }

        (Dictionary<MarketKey, Quote> table, double whole) = await TimedAsync(() =>
            history.ReadAsOfAsync(new DateTime(2026, 12, 1, 0, 0, 0, DateTimeKind.Utc))
        );
        (_, double middle) = await TimedAsync(() => history.ReadAsOfAsync(new DateTime(2026, 6, 15, 0, 0, 0, DateTimeKind.Utc)));
        ones.Sort();
        await using NpgsqlCommand size = database.CreateCommand(
            "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = 'spot.spot_changes'::regclass"
        );
        double bytes = (long)(await size.ExecuteScalarAsync())!;
        say("");
        say(
            Invariant(
                $"A year of history, {Keys:N0} keys, {Keys * (long)Changes:N0} changes, {bytes / Keys / Changes:F0} bytes a change with its index:"
            )
        );
        say(
            Invariant(
                $"one key as of a time p50 {ones[100]:F1} ms, p99 {ones[197]:F1} ms; the whole table ({table.Count:N0} rows) as of December {whole:F2} s, as of June {middle:F2} s."
            )
        );
    }

    /// <summary>A month of 4,320 slots at a tenth of the real size. What moves is assumed, and said.</summary>
    private static void Month(Action<string> say)
    {
        const int Keys = 5735,
            Days = 30;
        Random random = new(30);
        string[] regions = [.. Enumerable.Range(0, 30).Select(region => $"region-{region}")];
        MarketKey[] keys =
        [
            .. Enumerable.Range(0, Keys).Select(n => new MarketKey($"type-{n / 57}", regions[n % 57 / 2], $"zone-{n % 57}")),
        ];
        int[] three = [.. keys.Select(_ => 5 * random.Next(11))],
            two = [.. three.Select(most => Math.Min(50, most + (5 * random.Next(4))))];
        double[] price = [.. keys.Select(_ => random.Next(100, 5000) / 10_000.0)];
        IReadOnlyDictionary<MarketKey, Quote> market = new Dictionary<MarketKey, Quote>();
        long changed = 0,
            removed = 0,
            first = 0;
        for (int slot = 0; slot < Days * 144; slot++)
        {
            int capacity = Ladder.At(slot);
            List<ZoneScore> scores = new(Keys);
            List<SpotQuote> spot = new(Keys);
            for (int n = 0; n < Keys; n++)
            {
                if (random.Next(288) == 0)
                    (three[n], two[n]) = (5 * random.Next(11), 50); // twice in four days a zone fills or empties
                if (random.Next(36) == 0)
                    price[n] = Math.Round(price[n] * (0.98 + (random.NextDouble() / 25)), 4); // four price changes a day
                scores.Add(
                    new ZoneScore(
                        keys[n].InstanceType,
                        keys[n].Region,
                        keys[n].Zone,
                        capacity <= Math.Max(1, three[n]) ? 3
                            : capacity <= two[n] ? 2
                            : 1
                    )
                );
                spot.Add(new SpotQuote(keys[n].InstanceType, keys[n].Zone, price[n]));
            }

            MergedSlot merged = MarketMerge.Merge(
                market,
                new Observation(capacity, new(scores, []), new([], []), new(spot, []), new([], [])),
                Ladder
            );
            market = merged.Rows;
            if (slot == 0)
                first = merged.Changed.Count;
            else
                (changed, removed) = (changed + merged.Changed.Count, removed + merged.Removed.Count);
        }

        double perDay = 10.0 * changed / Days;
        say("");
        say(
            Invariant(
                $"A month simulated (4,320 slots, {Keys:N0} keys, times ten for the real size; each zone's capacity moves every two days, each price four times a day): {perDay:N0} changes a day, {perDay / 144 / (10 * Keys):P1} of the rows a slot."
            )
        );
    }

    /// <summary>The questions of a day, from the offerings that moto ships.</summary>
    private static void Packing(Action<string> say)
    {
        IReadOnlyList<Offering> offerings = MotoOfferings.Read();
        new QueryPacker().Pack(offerings.Take(100)); // CP-SAT is loaded
        Stopwatch watch = Stopwatch.StartNew();
        (PackedQueries packed, double seconds) = Timed(() => new QueryPacker().Pack(offerings));
        say("");
        say(
            Invariant(
                $"Packing the real offerings that moto ships ({offerings.Select(offering => offering.Region).Distinct().Count()} regions, {offerings.Select(offering => offering.InstanceType).Distinct().Count():N0} types, {offerings.Sum(offering => offering.Zones):N0} zones): {packed.Queries.Count:N0} questions, bound {packed.Bound:N0}, {seconds:F2} CPU s, {watch.Elapsed.TotalSeconds:F2} s."
            )
        );
    }

    private static Observation Seen(int keys, int slot)
    {
        ZoneScore[] scores = new ZoneScore[keys];
        SpotQuote[] spot = new SpotQuote[keys];
        List<InterruptionRate> interruptions = [];
        List<OnDemandQuote> onDemand = [];
        int zones = Math.Min(keys, 100);
        string[] zoneNames = [.. Enumerable.Range(0, zones).Select(zone => $"zone-{zone}")],
            regionNames = [.. Enumerable.Range(0, zones).Select(zone => $"region-{zone / 3}")];
        string type = "";
        for (int n = 0; n < keys; n++)
        {
            int zone = n % zones;
            if (zone == 0)
                type = Invariant($"type-{n / zones}.xlarge");
            scores[n] = new ZoneScore(type, regionNames[zone], zoneNames[zone], 3);
            spot[n] = new SpotQuote(type, zoneNames[zone], slot == 1 && n % 20 == 0 ? 0.3 : 0.25);
            if (zone % 3 == 0)
            {
                interruptions.Add(new InterruptionRate(type, regionNames[zone], 2.5));
                onDemand.Add(new OnDemandQuote(type, regionNames[zone], 1));
            }
        }

        return new Observation(1, new(scores, []), new(interruptions, []), new(spot, []), new(onDemand, []));
    }

    private static async Task<(double Store, double Copy)> StoreAsync(
        NpgsqlDataSource database,
        SlotTime slot,
        IReadOnlyList<KeyValuePair<MarketKey, Quote>> changed,
        bool floor
    )
    {
        MarketChange[] changes = [.. changed.Select(change => MarketChange.Of(slot, change.Key, change.Value))];
        double copy = 0;
        await using NpgsqlConnection connection = await database.OpenConnectionAsync();
        if (floor)
        {
            await using (
                NpgsqlCommand create = new(
                    "DROP TABLE IF EXISTS floor; CREATE TABLE floor (at timestamptz, instance_type text, region text, zone text, score smallint, t3 smallint, t2 smallint, interruption real, spot_price double precision, on_demand_price double precision, ceased boolean)",
                    connection
                )
            )
                await create.ExecuteNonQueryAsync();
            Stopwatch copying = Stopwatch.StartNew();
            await MarketHistory.CopyAsync(connection, "floor", changes, default);
            copy = copying.Elapsed.TotalSeconds;
        }

        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
        Stopwatch watch = Stopwatch.StartNew();
        await MarketHistory.StoreAsync(connection, changes, isLate: false, default);
        await transaction.CommitAsync();
        return (watch.Elapsed.TotalSeconds, copy);
    }

    /// <summary>What a first slot left, put into empty tables with the same indexes: seconds.</summary>
    private static async Task<double> FloorAsync(NpgsqlDataSource database)
    {
        await ExecuteAsync(
            database,
            """
            DROP TABLE IF EXISTS keys_floor, changes_floor, latest_floor;
            CREATE TABLE keys_floor (LIKE spot.market_keys INCLUDING ALL); CREATE TABLE changes_floor (LIKE spot.spot_changes INCLUDING ALL); CREATE TABLE latest_floor (LIKE spot.spot_latest INCLUDING ALL)
            """
        );
        Stopwatch watch = Stopwatch.StartNew();
        await ExecuteAsync(
            database,
            "INSERT INTO keys_floor OVERRIDING SYSTEM VALUE SELECT * FROM spot.market_keys; INSERT INTO changes_floor SELECT * FROM spot.spot_changes; INSERT INTO latest_floor SELECT * FROM spot.spot_latest"
        );
        return watch.Elapsed.TotalSeconds;
    }

    private static (T Result, double Seconds) Timed<T>(Func<T> run)
    {
        GC.Collect();
        using Process self = Process.GetCurrentProcess();
        TimeSpan before = self.TotalProcessorTime;
        T result = run();
        self.Refresh();
        return (result, (self.TotalProcessorTime - before).TotalSeconds);
    }

    private static async Task<(T Result, double Seconds)> TimedAsync<T>(Func<Task<T>> run)
    {
        Stopwatch watch = Stopwatch.StartNew();
        T result = await run();
        return (result, watch.Elapsed.TotalSeconds);
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        command.CommandTimeout = 600;
        await command.ExecuteNonQueryAsync();
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
