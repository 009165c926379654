using System.Net;
using Durable.Activities.Spot;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Feeds;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>Faults in a slot and their outcome: no row lost or doubled, latest never ahead of the sink, rotation never ahead of the
/// data.</summary>
public sealed class SlotFaultTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [Fact]
    public async Task A_sink_that_is_down_holds_latest_back_and_the_next_slot_finishes_what_was_staged()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        SlotTime first = world.Now,
            second = first.Plus(1);
        world.Sink.Before = () => throw new IOException("sink is down");
        await Assert.ThrowsAsync<IOException>(() => world.RunAsync(first));
        Assert.Empty(await world.Get<MarketHistory>().ReadLatestAsync());
        Assert.False(world.Bucket.Objects.ContainsKey(SpotKeys.Latest));
        Assert.Null((await world.Get<SlotTable>().ReadRotationAsync()).LatestSlot);

        world.Sink.Before = () => { };
        world.Clock.Set(second.Utc.AddSeconds(5));
        SlotResult result = await world.RunAsync(second);
        Assert.Equal(SlotEnding.Stored, result.State);
        Assert.Equal(
            [SlotState.Present, SlotState.Present],
            (await world.Get<SlotTable>().ReadAsync(first, second)).Select(slot => slot.State)
        );
        Assert.Equal(
            (await world.Get<MarketHistory>().ReadAsOfAsync(first.Utc)).Count,
            world.Sink.Records.Keys.Count(record => record.At == first.Text)
        );
    }

    [Fact]
    public async Task A_slot_that_outlasts_the_next_one_is_stored_as_late_and_moves_nothing()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        SlotTime first = world.Now,
            slow = first.Plus(1),
            quick = first.Plus(2);
        await world.RunAsync(first);
        world.Clock.Set(slow.Utc.AddSeconds(5));
        bool overtaken = false;
        world.Around = (step, done) =>
        {
            if (step != nameof(StageSlot) || done || overtaken)
                return;
            overtaken = true;
            world.Clock.Set(quick.Utc.AddSeconds(5));
            Assert.Equal(SlotEnding.Stored, world.RunAsync(quick).GetAwaiter().GetResult().State);
        };
        Assert.Equal(SlotEnding.Late, (await world.RunAsync(slow)).State);
        Rotation rotation = await world.Get<SlotTable>().ReadRotationAsync();
        Assert.Equal((2, quick), (rotation.CapacityIndex, rotation.LatestSlot));
        Assert.Equal(quick.Text, world.Bucket.Objects[SpotKeys.Latest].Metadata["slot"]);
    }

    [Fact]
    public async Task A_throttling_storm_is_sat_out()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        await sandbox.FaultAsync("ec2", "GetSpotPlacementScores", "throttle", times: 12);
        await sandbox.FaultAsync("ec2", "DescribeSpotPriceHistory", "throttle", times: 4);
        SlotResult result = await world.RunAsync(world.Now);
        Assert.Empty(result.Sources);
        Assert.True(result.Rows > 0 && result.Asked > 0);
    }

    [Fact]
    public async Task A_region_that_is_down_is_unknown_and_its_prices_stay()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        SlotTime first = world.Now;
        await world.RunAsync(first);
        Dictionary<MarketKey, Quote> before = await world.Get<MarketHistory>().ReadLatestAsync();
        await sandbox.FaultAsync("ec2", "DescribeAvailabilityZones", "500", times: -1, match: "us-west-1");
        world.Clock.Set(first.Plus(1).Utc.AddSeconds(5));
        SlotResult result = await world.RunAsync(first.Plus(1));

        Assert.Equal(0, result.Removed);
        Assert.Contains("spot prices: 1 unknown", Assert.Single(result.Sources), StringComparison.Ordinal);
        Dictionary<MarketKey, Quote> after = await world.Get<MarketHistory>().ReadLatestAsync();
        Assert.All(before.Where(row => row.Key.Region == "us-west-1"), row => Assert.Equal(row.Value.SpotPrice, after[row.Key].SpotPrice));
        Assert.All(before, row => Assert.True(row.Value.SpotPrice > 0));
    }

    [Fact]
    public async Task Scores_that_nobody_could_be_asked_for_remove_nothing_and_keep_the_capacitys_turn()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        SlotTime first = world.Now;
        SlotResult before = await world.RunAsync(first);
        await sandbox.FaultAsync("ec2", "GetSpotPlacementScores", "denied", times: -1);
        world.Clock.Set(first.Plus(1).Utc.AddSeconds(5));
        SlotResult result = await world.RunAsync(first.Plus(1));
        Assert.Equal((0, 0, before.Rows, before.Rows), (result.Asked, result.Removed, result.Rows, result.Carried));
        Assert.Equal(1, (await world.Get<SlotTable>().ReadRotationAsync()).CapacityIndex);
        Assert.Contains("UnauthorizedOperation", Assert.Single(result.Sources), StringComparison.Ordinal);
    }

    [Theory, InlineData(3, 3, 3, 0), InlineData(1, 3, 3, 0), InlineData(1, 2, 2, 1), InlineData(0, 3, 0, 3)]
    public async Task Accounts_over_their_quota_hand_on_once_round_and_never_off_the_end(int quota, int accounts, int asked, int unknown)
    {
        // Three questions, and a ledger that knows nothing of what the accounts were asked before: AWS itself says no.
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox, configurations: quota);
        string[] pool = [.. new[] { "default", "111111111111", "222222222222" }.Take(accounts)];
        SpotOptions options = new()
        {
            Bucket = "memory",
            Accounts = string.Join(',', pool),
            CallsAtOnce = 1,
        };
        AssignedQuery[] queries =
        [
            .. new[] { "t3.micro", "m5.large", "m5.xlarge" }.Select(type => new AssignedQuery(new(type, ["eu-north-1"], 3), "default")),
        ];
        CollectedScores scores = await new ScoreCollector(
            world.Get<ISpotAccounts>(),
            options,
            world.Get<Patience>(),
            world.Clock
        ).CollectAsync(1, queries, DateTime.MaxValue, default);
        Assert.Equal((asked, unknown), (scores.Asked, scores.Unknown.Count));
        Assert.All(scores.Unknown, place => Assert.Contains("MaxConfigLimitExceeded", place.Reason, StringComparison.Ordinal));
        Assert.Equal(asked, scores.Uses.Sum(use => use.Configurations.Count));
        Assert.Equal(asked * 3, scores.Rows.Count);

        // The same questions again cost nothing: each stays with the account that asked it.
        Dictionary<string, string> ledger = scores
            .Uses.SelectMany(use => use.Configurations.Select(configuration => (configuration, use.Account)))
            .ToDictionary();
        IReadOnlyList<AssignedQuery> again = QuotaPlan.Assign(
            [.. queries.Select(query => query.Query)],
            1,
            ledger,
            pool,
            0,
            queriesPerAccount: Math.Max(1, quota)
        );
        Assert.Equal(
            asked,
            (
                await new ScoreCollector(world.Get<ISpotAccounts>(), options, world.Get<Patience>(), world.Clock).CollectAsync(
                    1,
                    again,
                    DateTime.MaxValue,
                    default
                )
            ).Asked
        );
    }

    [Fact]
    public async Task After_its_time_a_slot_asks_nothing_more()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        CollectedScores scores = await world
            .Get<ScoreCollector>()
            .CollectAsync(1, [new(new("t3.micro", ["eu-north-1"], 3), "default")], world.Clock.GetUtcNow().UtcDateTime, default);
        Assert.Equal(ScoreCollector.TooLate, Assert.Single(scores.Unknown).Reason);
        Assert.Empty(await sandbox.CallsAsync("ec2", "GetSpotPlacementScores"));
    }

    [Fact]
    public async Task A_slot_without_raw_files_is_refused_when_its_time_is_over_and_before_it_begins()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        Assert.Contains(
            "its time is over",
            (await Assert.ThrowsAsync<SlotOverException>(() => world.RunAsync(world.Now.Plus(-1)))).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "has not started",
            (await Assert.ThrowsAsync<SlotOverException>(() => world.RunAsync(world.Now.Plus(1)))).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_failed_workload_is_replaced_by_the_day_befores_over_the_boundary_of_days()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        SlotTime today = world.Now;
        await world.RunAsync(today);
        SlotTime tomorrow = SlotTime.Parse($"{today.Day.AddDays(1):yyyy-MM-dd}T00:00");
        world.Clock.Set(tomorrow.Utc.AddSeconds(5));
        SlotWork work = await world.Get<SlotPlanner>().PlanAsync(tomorrow);
        Assert.Equal((today.Text[..10], true, true), (work.WorkloadDay, work.UsesOldWorkload, work.NeedsOnDemandPrices));

        // Clock set back: the slot of before is found as it is.
        world.Clock.Set(today.Utc.AddSeconds(20));
        Assert.Equal(SlotEnding.Present, (await world.RunAsync(today, "2")).State);
    }

    [Fact]
    public async Task A_region_whose_offerings_fail_keeps_its_questions_of_the_day_before()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        string today = world.Now.Text[..10],
            tomorrow = $"{world.Now.Day.AddDays(1):yyyy-MM-dd}";
        WorkloadReceipt whole = await PackAsync(today);
        await sandbox.FaultAsync("ec2", "DescribeInstanceTypeOfferings", "500", times: -1, match: "us-west-1");
        WorkloadReceipt partial = await PackAsync(tomorrow);
        Assert.Equal(["us-west-1"], partial.UnknownRegions);
        Assert.Equal((whole.Types, whole.Queries, whole.Bound), (partial.Types, partial.Queries, partial.Bound));
        Assert.True((await PackAsync(tomorrow)).WasThere);

        Task<WorkloadReceipt> PackAsync(string day) =>
            world.Make<PackWorkload>().RunAsync(new WorkloadRun("w/" + day + Guid.NewGuid(), "w", new WorkloadRequest(day)), default);
    }

    [
        Theory,
        InlineData("<html>busy</html>", 200),
        InlineData("""{"spot_advisor": {"r": """, 200),
        InlineData("nothing", 503),
        InlineData("", 404)
    ]
    public async Task An_advisor_that_answers_anything_else_leaves_interruptions_as_they_were(string answer, int status)
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        SlotTime first = world.Now;
        await world.RunAsync(first);
        Dictionary<MarketKey, Quote> before = await world.Get<MarketHistory>().ReadLatestAsync();
        world.AdvisorAnswers = () => new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(answer) };
        world.Clock.Set(first.Plus(1).Utc.AddSeconds(5));
        SlotResult result = await world.RunAsync(first.Plus(1));
        Assert.StartsWith("interruptions: unknown everywhere", Assert.Single(result.Sources), StringComparison.Ordinal);
        Assert.All(
            await world.Get<MarketHistory>().ReadLatestAsync(),
            row => Assert.Equal(before[row.Key].Interruption, row.Value.Interruption)
        );
    }

    [Fact]
    public async Task A_page_that_repeats_its_token_ends_as_a_failure_and_not_never()
    {
        int pages = 0;
        await Assert.ThrowsAsync<FeedUnreadableException>(() =>
            TokenPages.ReadAsync(token => Task.FromResult<string?>(++pages % 2 == 0 ? "a" : "b"))
        );
        Assert.Equal(3, pages);
    }

    [Fact]
    public async Task Two_publishers_of_latest_never_turn_it_back()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        SlotTime first = world.Now;
        await world.RunAsync(first);
        StoredObject old = world.Bucket.Objects[SpotKeys.Latest];
        Assert.False(await world.Make<PublishLatest>().RunAsync(first.Text, default));

        // Another writer is faster between the read and the write, once: the conditional write fails and is repeated from the current
        // state.
        world.Clock.Set(first.Plus(1).Utc.AddSeconds(5));
        bool faster = false;
        world.Bucket.Before = key =>
        {
            if (key != SpotKeys.Latest || faster)
                return;
            faster = true;
            world.Bucket.Objects[SpotKeys.Latest] = old with { ETag = "other" };
        };
        await world.RunAsync(first.Plus(1));
        Assert.Equal(first.Plus(1).Text, world.Bucket.Objects[SpotKeys.Latest].Metadata["slot"]);
    }

    [Fact]
    public async Task A_raw_file_that_was_written_by_a_call_whose_answer_was_lost_stands()
    {
        await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
        SlotTime slot = world.Now;
        await world.RunAsync(slot);
        Assert.False(await world.Get<SpotFiles>().WriteInterruptionsAsync(slot, new([], []), default));
        Assert.NotEmpty((await world.Get<SpotFiles>().ReadInterruptionsAsync(slot, default))!.Rows);
    }
}
