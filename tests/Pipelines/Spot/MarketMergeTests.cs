using Durable.Pipelines.Spot.Merging;
using Durable.Pipelines.Spot.Model;
using FsCheck;
using FsCheck.Fluent;
using static Durable.Tests.Pipelines.Spot.SampleMarket;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>Each merge rule on its own, and all of them together against the naive model.</summary>
public sealed class MarketMergeTests
{
    [Fact]
    public void T3_and_T2_climb_and_fall_through_a_capacity_cycle()
    {
        // Capacity, score → published score, T3, T2, worked out by hand.
        (int Capacity, int Score, (int, int, int) Expected)[] cycle =
        [
            (1, 3, (3, 1, 0)), // three at one instance
            (5, 3, (3, 5, 0)),
            (10, 2, (3, 5, 10)), // two at ten: T3 falls back to at most 5, T2 climbs to 10
            (15, 1, (3, 5, 10)), // at most 10 is believed, both are lower
            (20, 3, (3, 20, 10)), // three again, and larger
            (25, 1, (3, 20, 10)),
            (5, 1, (3, 1, 1)), // one at five: at most 1 is believed
            (1, 2, (2, 0, 1)), // two at one instance: no T3
            (1, 1, (1, 0, 0)), // one at one instance: nothing
            (50, 3, (3, 50, 0)), // a large capacity that scores higher raises the published score
            (1, 3, (3, 50, 0)),
            (50, 2, (3, 45, 50)),
        ];
        IReadOnlyDictionary<MarketKey, Quote> market = Nothing;
        foreach ((int capacity, int score, (int, int, int) expected) in cycle)
        {
            market = MarketMerge.Merge(market, Seen(capacity, (Key, score)), Ladder).Rows;
            Quote row = market[Key];
            Assert.Equal((capacity, expected), (capacity, (row.Score, row.T3, row.T2)));
        }
    }

    [Theory, InlineData(1, 1, 1), InlineData(5, 1, 1), InlineData(1, 3, 3), InlineData(50, 2, 2)]
    public void A_row_never_seen_before_publishes_its_own_score(int capacity, int score, int published)
    {
        MergedSlot merged = MarketMerge.Merge(Nothing, Seen(capacity, (Key, score)), Ladder);
        Assert.Equal(new Quote(published, score >= 3 ? capacity : 0, score == 2 ? capacity : 0, 2.5, 0.25, 1), merged.Rows[Key]);
        Assert.Equal([Key], merged.Changed.Select(row => row.Key));
    }

    [Fact]
    public void What_a_source_does_not_have_is_minus_one_and_what_no_score_names_is_no_row()
    {
        Observation seen = Seen(1, (Key, 3)) with { Interruptions = new([], []), SpotPrices = new([], []), OnDemandPrices = new([], []) };
        MergedSlot merged = MarketMerge.Merge(Nothing, seen, Ladder);
        Assert.Equal(new Quote(3, 1, 0, -1, -1, -1), Assert.Single(merged.Rows).Value);
        Assert.Equal(-1, merged.Rows[Key].Savings);
    }

    [Theory, InlineData(0.25, 1, 75), InlineData(0.3333, 1, 66), InlineData(1.5, 1, -50), InlineData(-1, 1, -1), InlineData(0.25, -1, -1)]
    public void Savings_are_cut_to_whole_percent(double spot, double onDemand, int percent) =>
        Assert.Equal(percent, new Quote(1, 0, 0, 1, spot, onDemand).Savings);

    [Fact]
    public void A_region_that_failed_is_unknown_and_removes_nothing()
    {
        IReadOnlyDictionary<MarketKey, Quote> market = MarketMerge.Merge(Nothing, Seen(1, [.. Keys.Select(key => (key, 3))]), Ladder).Rows;
        Observation down = Seen(5, [.. Keys.Where(key => key.Region == "us-east-1").Select(key => (key, 1))]);
        down = down with { Scores = down.Scores with { Unknown = [new Unknown("eu-north-1", null, "throttled")] } };
        MergedSlot merged = MarketMerge.Merge(market, down, Ladder);

        Assert.Empty(merged.Removed);
        Assert.Equal((Keys.Length, 6), (merged.Rows.Count, merged.Carried));
        Assert.All(merged.Rows.Where(row => row.Key.Region == "eu-north-1"), row => Assert.Equal(market[row.Key], row.Value));
        Assert.All(merged.Changed, row => Assert.Equal("us-east-1", row.Key.Region));
    }

    [Fact]
    public void Prices_of_a_region_that_failed_stay_and_those_of_a_region_that_answered_without_them_do_not()
    {
        IReadOnlyDictionary<MarketKey, Quote> market = MarketMerge.Merge(Nothing, Seen(1, [.. Keys.Select(key => (key, 3))]), Ladder).Rows;
        Observation seen = Seen(5, [.. Keys.Select(key => (key, 3))]) with
        {
            SpotPrices = new([], [new Unknown("us-east-1", null, "timeout")]),
        };
        MergedSlot merged = MarketMerge.Merge(market, seen, Ladder);
        Assert.All(merged.Rows, row => Assert.Equal(row.Key.Region == "us-east-1" ? 0.25 : -1, row.Value.SpotPrice));
    }

    [Fact]
    public void A_row_that_vanishes_is_removed_once_and_one_that_returns_is_changed()
    {
        IReadOnlyDictionary<MarketKey, Quote> market = MarketMerge.Merge(Nothing, Seen(1, (Key, 3), (Keys[1], 3)), Ladder).Rows;
        MergedSlot gone = MarketMerge.Merge(market, Seen(5, (Keys[1], 3)), Ladder);
        Assert.Equal([Key], gone.Removed);
        MergedSlot still = MarketMerge.Merge(gone.Rows, Seen(10, (Keys[1], 3)), Ladder);
        Assert.Empty(still.Removed);
        MergedSlot back = MarketMerge.Merge(still.Rows, Seen(15, (Key, 2), (Keys[1], 3)), Ladder);
        Assert.Equal(new Quote(2, 0, 15, 2.5, 0.25, 1), back.Changed.Single(row => row.Key == Key).Value); // nothing of before is remembered
    }

    [Fact]
    public void Rows_of_regions_and_types_that_no_score_names_are_dropped()
    {
        Observation seen = Seen(1, (Key, 3));
        seen = seen with
        {
            SpotPrices = new([.. seen.SpotPrices.Rows, new SpotQuote("x9.huge", "mars-az1", 9)], []),
            Interruptions = new([.. seen.Interruptions.Rows, new InterruptionRate("x9.huge", "mars", 3)], []),
        };
        Assert.Equal([Key], MarketMerge.Merge(Nothing, seen, Ladder).Rows.Keys);
    }

    [Fact]
    public void Of_two_scores_of_a_key_the_lower_stands_whatever_their_order()
    {
        MergedSlot one = MarketMerge.Merge(Nothing, Seen(1, (Key, 3), (Key, 2)), Ladder),
            other = MarketMerge.Merge(Nothing, Seen(1, (Key, 2), (Key, 3)), Ladder);
        Assert.Equal((2, 1), (one.Rows[Key].Score, one.Duplicates));
        Assert.Equal(one.Rows, other.Rows);
    }

    [Fact]
    public void The_same_again_changes_nothing_but_what_the_cycle_itself_changes()
    {
        Observation seen = Seen(1, [.. Keys.Select(key => (key, 3))]);
        MergedSlot first = MarketMerge.Merge(Nothing, seen, Ladder);
        MergedSlot again = MarketMerge.Merge(first.Rows, seen, Ladder);
        Assert.Empty(again.Changed);
        Assert.Empty(again.Removed);
    }

    [Fact]
    public void Any_week_comes_out_as_the_naive_model_says()
    {
        Prop.ForAll<int>(seed =>
            {
                Random random = new(seed);
                IReadOnlyDictionary<MarketKey, Quote> market = Nothing,
                    naive = Nothing;
                for (int slot = 0; slot < 22; slot++)
                {
                    Observation seen = Any(random, Ladder.At(slot));
                    MergedSlot merged = MarketMerge.Merge(market, seen, Ladder);
                    IReadOnlyDictionary<MarketKey, Quote> before = naive;
                    naive = NaiveMarket.Next(naive, seen);

                    Assert.Equal(naive.OrderBy(row => row.Key.ToString()), merged.Rows.OrderBy(row => row.Key.ToString()));
                    Assert.Equal(before.Keys.Except(naive.Keys).ToHashSet(), merged.Removed.ToHashSet());
                    Assert.Equal(
                        naive.Where(row => !before.TryGetValue(row.Key, out Quote was) || was != row.Value).ToDictionary(),
                        merged.Changed.ToDictionary()
                    );
                    market = merged.Rows;
                }
            })
            .Check(Config.QuickThrowOnFailure.WithMaxTest(25));
    }
}
