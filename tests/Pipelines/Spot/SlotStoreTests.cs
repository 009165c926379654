using Durable.Operations.Ledger;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using static Durable.Tests.Pipelines.Spot.SampleMarket;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>From an observation to the history: exact at every time, with slots late, repeated or missing.</summary>
public sealed class SlotStoreTests
{
    private static readonly SlotTime First = SlotTime.Parse("2026-11-26T00:00");

    [Fact]
    public async Task The_table_as_of_any_second_of_some_days_is_exact()
    {
        // Two days, with ./test --long a week, by slots of which some are missing and some come late; the naive model is run beside it.
        // Read back at random seconds.
        int days = Environment.GetEnvironmentVariable("DURABLE_CHAOS_LONG") == "1" ? 7 : 2,
            slots = days * 144;
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        Random random = new(20261126);
        SlotTime begin = SlotTime.Parse("2026-11-30T00:00"); // over the end of a month
        SortedDictionary<DateTime, IReadOnlyDictionary<MarketKey, Quote>> published = [];
        List<(SlotTime Slot, Observation Seen)> late = [];
        for (int n = 0; n < slots; n++)
        {
            SlotTime slot = begin.Plus(n);
            Observation seen = Any(random, Ladder.At(n));
            int kind = random.Next(20);
            if (n > 0 && n < slots - 1 && kind == 0)
                continue; // missing
            if (n > 0 && n < slots - 1 && kind == 1)
                late.Add((slot, seen));
            else
                await StoreAsync(slot, seen);
            if (late.Count > 0 && random.Next(5) == 0)
            {
                (SlotTime Slot, Observation Seen) old = late[random.Next(late.Count)];
                late.Remove(old);
                await StoreAsync(old.Slot, old.Seen);
            }
        }

        for (int n = 0; n < 200; n++)
        {
            DateTime moment = begin.Utc.AddSeconds(random.Next(days * 24 * 3600));
            DateTime at = published.Keys.Last(slot => slot <= moment);
            Assert.Equal(Sorted(published[at]), Sorted(await database.History.ReadAsOfAsync(moment)));
        }

        foreach (DateTime at in published.Keys.Where((_, number) => number % 40 == 0))
        {
            Assert.Equal(Sorted(published[at]), Sorted(await database.History.ReadAsOfAsync(at)));
            Assert.Equal(
                Sorted(published.LastOrDefault(slot => slot.Key < at).Value ?? Nothing),
                Sorted(await database.History.ReadAsOfAsync(at.AddTicks(-10)))
            );
        }

        Assert.Equal(Sorted(published.Last().Value), Sorted(await database.History.ReadLatestAsync()));
        Assert.True(await database.ScalarAsync<long>("SELECT count(*) FROM spot.slots WHERE is_late") > 5);
        Assert.Equal(
            2L,
            await database.ScalarAsync<long>("SELECT count(*) FROM pg_inherits WHERE inhparent = 'spot.spot_changes'::regclass")
        );

        async Task StoreAsync(SlotTime slot, Observation seen)
        {
            await database.StoreAsync(slot, seen);
            published[slot.Utc] = NaiveMarket.Next(published.LastOrDefault(before => before.Key < slot.Utc).Value ?? Nothing, seen);
        }
    }

    [Fact]
    public async Task A_late_slot_changes_what_was_then_and_nothing_after_it()
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        await database.StoreAsync(First, Seen(1, (Key, 3), (Keys[1], 3)));
        await database.StoreAsync(First.Plus(2), Seen(5, (Key, 3), (Keys[1], 1)));
        Dictionary<MarketKey, Quote> after = await database.History.ReadAsOfAsync(First.Plus(2).Utc);
        Rotation rotation = await database.Slots.ReadRotationAsync();

        SlotRow row = await database.StoreAsync(First.Plus(1), Seen(5, (Key, 2), (Keys[2], 2)));
        Assert.True(row.IsLate);
        Assert.Equal([Key, Keys[2]], (await database.History.ReadAsOfAsync(First.Plus(1).Utc)).Keys.Order(ByText));
        Assert.Equal(Sorted(after), Sorted(await database.History.ReadAsOfAsync(First.Plus(2).Utc)));
        Assert.Equal(Sorted(after), Sorted(await database.History.ReadLatestAsync()));
        Assert.Equal(rotation, await database.Slots.ReadRotationAsync());
    }

    [Fact]
    public async Task A_slot_replayed_twice_changes_nothing()
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        SlotRow once = await database.StoreAsync(First, Seen(1, (Key, 3)));
        string before = await DumpAsync(database);
        SlotRow again = await database.StoreAsync(First, Seen(1, (Key, 1), (Keys[1], 2))); // even when the sources say otherwise by now
        Assert.Equal(once, again);
        Assert.Equal(before, await DumpAsync(database));
    }

    [Fact]
    public async Task Two_slots_at_once_take_turns_and_each_delta_is_computed_from_what_it_is_applied_to()
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        await database.StoreAsync(First, Seen(1, (Key, 3)));
        Assert.NotNull((await database.StageAsync(First.Plus(1), Seen(5, (Key, 3)))).Row);
        StageOutcome waits = await database.StageAsync(First.Plus(2), Seen(5, (Key, 2)));
        Assert.Equal(First.Plus(1), waits.WaitsFor);

        // Whoever waits finishes the other one, and the other one itself finds it done.
        await Task.WhenAll(database.Store.CommitAsync(First.Plus(1)), database.Store.CommitAsync(First.Plus(1)));
        await database.StoreAsync(First.Plus(2), Seen(5, (Key, 2)));
        Assert.Equal((5, 5), await ReadAsync(database, First.Plus(1)));
        Assert.Equal((1, 5), await ReadAsync(database, First.Plus(2)));

        static async Task<(int T3, int Capacity)> ReadAsync(SpotDatabase database, SlotTime slot) =>
            ((await database.History.ReadAsOfAsync(slot.Utc))[Key].T3, (await database.Slots.ReadAsync(slot))!.Capacity);
    }

    [Fact]
    public async Task Rotation_moves_with_the_data_and_not_for_a_slot_that_nobody_answered()
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        await database.StageAsync(First, Seen(1, (Key, 3)), asked: 1, new AccountUse("default", ["a", "b"]));
        Assert.Equal((0, null), await StandsAsync());
        await database.Store.CommitAsync(First);
        Assert.Equal((1, First), await StandsAsync());
        Assert.Equal(2, (await database.Slots.ReadAccountsAsync(First.Utc.AddHours(23))).Count);
        Assert.Empty(await database.Slots.ReadAccountsAsync(First.Utc.AddHours(24)));

        await database.StoreAsync(First.Plus(1), Seen(5), asked: 0);
        Assert.Equal((1, First.Plus(1)), await StandsAsync());
        await database.StoreAsync(First.Plus(2), Seen(45, (Key, 3))); // not the capacity whose turn it is
        Assert.Equal((1, First.Plus(2)), await StandsAsync());

        async Task<(int, SlotTime?)> StandsAsync() =>
            (await database.Slots.ReadRotationAsync()) is var rotation ? (rotation.CapacityIndex, rotation.LatestSlot) : default;
    }

    [Fact]
    public async Task Too_many_rows_that_would_vanish_stop_the_slot_before_anything_is_stored()
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync(new() { Bucket = "memory", MaxRemovedShare = 0.2 });
        await database.StoreAsync(First, Seen(1, [.. Keys.Select(key => (key, 3))]));
        string before = await DumpAsync(database);
        DataGateException gate = await Assert.ThrowsAsync<DataGateException>(() =>
            database.StageAsync(First.Plus(1), Seen(5, [.. Keys.Skip(3).Select(key => (key, 3))]))
        );
        Assert.Contains("removed_share of 2026-11-26T00:10 is 0.25", gate.Message, StringComparison.Ordinal);
        Assert.Equal(before, await DumpAsync(database));
        await database.StoreAsync(First.Plus(2), Seen(5, [.. Keys.Skip(2).Select(key => (key, 3))])); // a sixth may go
        Assert.Equal(10, (await database.History.ReadLatestAsync()).Count);
    }

    [Fact]
    public async Task A_failure_between_any_two_writes_leaves_the_slot_as_it_was_and_the_next_attempt_ends_as_one_without_it()
    {
        await using SpotDatabase calm = await SpotDatabase.CreateAsync(),
            database = await SpotDatabase.CreateAsync();
        foreach (SpotDatabase each in new[] { calm, database })
            await each.StoreAsync(First, Seen(1, (Key, 3), (Keys[1], 2)));
        await calm.StoreAsync(First.Plus(1), Seen(5, (Key, 1), (Keys[2], 3)));

        string before = await DumpAsync(database);
        for (int write = 1; write <= 2; write++)
        {
            int left = write;
            database.Bucket.Before = key =>
            {
                if (--left == 0)
                    throw new IOException("killed before " + key);
            };
            await Assert.ThrowsAsync<IOException>(() => database.StageAsync(First.Plus(1), Seen(5, (Key, 1), (Keys[2], 3))));
            Assert.Equal(before, await DumpAsync(database));
        }

        database.Bucket.Before = _ => { };
        await database.StageAsync(First.Plus(1), Seen(5, (Key, 1), (Keys[2], 3)));
        Assert.Equal(before, await DumpAsync(database)); // staged is not yet stored
        database.Bucket.Objects.TryRemove((await database.Slots.ReadAsync(First.Plus(1)))!.DeltaKey!, out StoredObject? delta);
        await Assert.ThrowsAsync<RawFileException>(() => database.Store.CommitAsync(First.Plus(1)));
        Assert.Equal(before, await DumpAsync(database));
        database.Bucket.Objects[(await database.Slots.ReadAsync(First.Plus(1)))!.DeltaKey!] = delta!;
        await database.Store.CommitAsync(First.Plus(1));
        Assert.Equal(await DumpAsync(calm), await DumpAsync(database));
    }

    [Fact]
    public async Task History_that_is_dropped_leaves_what_was_in_force_at_its_new_beginning()
    {
        await using SpotDatabase database = await SpotDatabase.CreateAsync();
        SlotTime september = SlotTime.Parse("2026-09-10T00:00"),
            october = SlotTime.Parse("2026-10-10T00:00"),
            november = SlotTime.Parse("2026-11-10T00:00");
        await database.StoreAsync(september, Seen(1, (Key, 3), (Keys[1], 3), (Keys[2], 3)));
        await database.StoreAsync(october, Seen(1, (Key, 2), (Keys[2], 3)));
        await database.StoreAsync(november, Seen(1, (Key, 1), (Keys[2], 3)));
        Dictionary<MarketKey, Quote> before = await database.History.ReadAsOfAsync(november.Utc.AddDays(-1));
        Assert.Equal(2, await database.History.PruneAsync(november.Utc));
        Assert.Equal(0, await database.History.PruneAsync(november.Utc));
        Assert.Equal(Sorted(before), Sorted(await database.History.ReadAsOfAsync(november.Utc.AddDays(-1))));
        Assert.Empty(await database.History.ReadAsOfAsync(october.Utc));
        Assert.Equal(Sorted(await database.History.ReadLatestAsync()), Sorted(await database.History.ReadAsOfAsync(november.Utc)));
    }

    private static readonly Comparer<MarketKey> ByText = Comparer<MarketKey>.Create(
        (one, other) => string.CompareOrdinal(one.ToString(), other.ToString())
    );

    private static IEnumerable<KeyValuePair<MarketKey, Quote>> Sorted(IReadOnlyDictionary<MarketKey, Quote> market) =>
        market.OrderBy(row => row.Key, ByText);

    /// <summary>Everything that readers see, by value.</summary>
    private static Task<string> DumpAsync(SpotDatabase database) =>
        database.ScalarAsync<string>(
            """
            SELECT concat(
                (SELECT string_agg(format('%s %s %s %s %s %s %s %s %s', at, instance_type, zone, score, t3, t2, spot_price, interruption,
                    ceased), E'\n' ORDER BY at, instance_type, zone) FROM spot.spot_changes JOIN spot.market_keys USING (key_id)),
                (SELECT string_agg(format('%s %s %s', instance_type, zone, l), E'\n' ORDER BY instance_type, zone)
                    FROM (SELECT key_id, since, score, t3, t2 FROM spot.spot_latest) l JOIN spot.market_keys USING (key_id)),
                (SELECT format('%s %s', capacity_index, latest_slot) FROM spot.rotation),
                (SELECT string_agg(format('%s %s', key, state), E'\n' ORDER BY key) FROM operations.partitions))
            """
        );
}
