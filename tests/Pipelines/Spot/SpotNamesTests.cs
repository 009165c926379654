using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Packing;
using Durable.Pipelines.Spot.Storage;
using Microsoft.Extensions.Configuration;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>Times, keys, settings and the assignment of questions.</summary>
public sealed class SpotNamesTests
{
    [
        Theory,
        InlineData("2026-11-26T10:29", "2026-11-26T10:20"),
        InlineData("2026-11-26T10:20:59Z", "2026-11-26T10:20"),
        InlineData("2026-12-31T23:59:59", "2026-12-31T23:50"),
        InlineData("2026-11-26T00:00Z", "2026-11-26T00:00")
    ]
    public void A_time_is_read_down_to_its_slot(string text, string slot) => Assert.Equal(slot, SlotTime.Parse(text).Text);

    [
        Theory,
        InlineData("2026-11-26"),
        InlineData("2026-11-26T10:20+09:00"),
        InlineData("now"),
        InlineData(""),
        InlineData(null),
        InlineData("2026-02-30T10:20"),
        InlineData("2026-11-26T24:00")
    ]
    public void What_is_no_time_is_refused(string? text) => Assert.False(SlotTime.TryParse(text, out _));

    [Fact]
    public void Keys_keep_the_originals_layout()
    {
        SlotTime slot = SlotTime.Parse("2026-01-02T03:40");
        Assert.Equal("rawdata/aws/sps/2026/01/02/03-40_sps_45.jsonl.gz", SpotKeys.Scores(slot, 45));
        Assert.Equal(
            (slot, 45),
            (SpotKeys.SlotOfScores(slot.Day, SpotKeys.Scores(slot, 45)), SpotKeys.CapacityOfScores(SpotKeys.Scores(slot, 45)))
        );
        Assert.Equal("rawdata/aws/2026/01/02/03-40-00.parquet", SpotKeys.Merged(slot));
        Assert.Equal("rawdata/aws/workloads/2026/01/02/binpacked_workloads.jsonl.gz", SpotKeys.Workload(slot.Day));
        Assert.Null(SpotKeys.SlotOfScores(slot.Day, "rawdata/aws/sps/2026/01/02/readme"));
        Assert.Equal("spot-20260102-0340", slot.InstanceId);
    }

    [Fact]
    public void A_question_stays_with_its_account_and_new_ones_go_round_once()
    {
        PlacementQuery[] queries = [.. Enumerable.Range(0, 5).Select(n => new PlacementQuery($"t{n}", ["r"], 1))];
        Dictionary<string, string> asked = new()
        {
            [QuotaPlan.ConfigurationOf(1, queries[2])] = "b",
            [QuotaPlan.ConfigurationOf(1, queries[4])] = "gone",
            ["other"] = "a",
        };
        Assert.Equal(
            ["b", "a", "b", null, null],
            QuotaPlan.Assign(queries, 1, asked, ["a", "b"], start: 1, queriesPerAccount: 2).Select(query => query.Account)
        );
        Assert.All(
            QuotaPlan.Assign(queries, 1, new Dictionary<string, string>(), ["a", "b"], start: 7, queriesPerAccount: 0),
            query => Assert.Null(query.Account)
        );
    }

    [Theory]
    [
        InlineData("Bucket", "No_Bucket"),
        InlineData("Accounts", ","),
        InlineData("Accounts", "a,a"),
        InlineData("Accounts", "arn:aws:iam::1:role/x"),
        InlineData("Capacities", "5,1"),
        InlineData("Capacities", "5"),
        InlineData("Capacities", "1,x"),
        InlineData("Regions", "mars")
    ]
    [
        InlineData("SlotBudget", "00:20:00"),
        InlineData("MaxRemovedShare", "1.5"),
        InlineData("AdvisorUrl", "ftp://x"),
        InlineData("TimestreamDatabase", "a b"),
        InlineData("Lanes", "0"),
        InlineData("CallsAtOnce", "65"),
        InlineData("QueriesPerPart", "0"),
        InlineData("QueriesPerAccount", "0"),
        InlineData("HistoryDays", "-1"),
        InlineData("LongestRange", "0")
    ]
    public void A_bad_setting_is_named(string name, string value)
    {
        IConfiguration settings = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["Bucket"] = "spotlake", [name] = value })
            .Build();
        SpotOptions options = settings.Get<SpotOptions>()!;
        Assert.Contains($"Spot__{name} is", new SpotOptionsValidator().Validate(null, options).FailureMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void The_defaults_are_good_and_without_a_bucket_nothing_is_checked()
    {
        Assert.True(new SpotOptionsValidator().Validate(null, new SpotOptions { Bucket = "spotlake" }).Succeeded);
        Assert.True(new SpotOptionsValidator().Validate(null, new SpotOptions { Lanes = -1 }).Succeeded);
        Assert.True(new SpotOptions { InstanceTypes = "m5.*, c6i.large" }.Wants("m5.xlarge"));
        Assert.False(new SpotOptions { InstanceTypes = "m5.*, c6i.large" }.Wants("c6i.xlarge"));
    }

    [Fact]
    public void A_raw_file_comes_back_as_it_was_and_one_that_is_broken_does_not()
    {
        ZoneScore[] rows = [new("m5.large", "eu-north-1", "eun1-az1", 3)];
        byte[] file = RawFile.Write(
            new RawHeader("spot.scores/1", "2026-01-02T03:40", 1, [new("r", null, "down")], 5, 1, [new("default", ["x"])]),
            rows
        );
        (RawHeader header, List<ZoneScore> read) = RawFile.Read<ZoneScore>(file, "spot.scores/1", "k");
        Assert.Equal((rows[0], 5, "down"), (Assert.Single(read), header.Capacity, header.Unknown[0].Reason));
        Assert.Throws<RawFileException>(() => RawFile.Read<ZoneScore>(file, "spot.scores/2", "k"));
        Assert.Throws<RawFileException>(() => RawFile.Read<ZoneScore>("<html>"u8.ToArray(), "spot.scores/1", "k"));
        Assert.Throws<RawFileException>(() => RawFile.Read<ZoneScore>(file[..(file.Length / 2)], "spot.scores/1", "k"));
        Assert.Throws<RawFileException>(() => RawFile.Read<ZoneScore>(RawFile.Write(header with { Rows = 2 }, rows), "spot.scores/1", "k"));
    }
}
