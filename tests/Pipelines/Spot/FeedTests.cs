using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Durable.Pipelines.Spot.Feeds;
using Durable.Pipelines.Spot.Merging;
using Durable.Pipelines.Spot.Model;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>The parsers on real published data, and on invalid data.</summary>
public sealed class FeedTests
{
    private const string Advisor2025 = "spot/spot-advisor-data_2025-06-28.json.gz",
        Advisor2024 = "spot/spot-advisor-data_bamboo.json.gz";

    [SharedDataFact(Advisor2025)]
    public void The_delta_between_two_advisor_snapshots_has_the_counts_of_a_separate_script()
    {
        // Counted once with Python's json module: rows under Linux, then set operations on (type, region) and unequal r.
        Feed<InterruptionRate> before = AdvisorFeed.Parse(Bytes(Advisor2024)),
            after = AdvisorFeed.Parse(Bytes(Advisor2025));
        MergedSlot first = MarketMerge.Merge(SampleMarket.Nothing, Everywhere(before), SampleMarket.Ladder),
            second = MarketMerge.Merge(first.Rows, Everywhere(after), SampleMarket.Ladder);
        int added = second.Changed.Count(row => !first.Rows.ContainsKey(row.Key));
        Assert.Equal(Counts, (first.Rows.Count, second.Rows.Count, added, second.Removed.Count, second.Changed.Count - added));
    }

    private static readonly (int Before, int After, int Added, int Removed, int Changed) Counts = (11948, 14962, 3064, 50, 7800);

    [SharedDataFact("spot/aws-prices-sample.json.gz")]
    public void A_real_price_list_gives_a_price_for_each_product()
    {
        using JsonDocument list = JsonDocument.Parse(Bytes("spot/aws-prices-sample.json.gz"));
        OnDemandQuote[] quotes =
        [
            .. list.RootElement.EnumerateArray().Select(product => PriceListFeed.Parse(product.GetRawText())).OfType<OnDemandQuote>(),
        ];
        Assert.Contains(new OnDemandQuote("r5n.xlarge", "us-east-1", 0.298), quotes);
        Assert.All(quotes, quote => Assert.Equal("us-east-1", quote.Region));
    }

    [SharedDataFact("spot/on_demand_prices_karpenter_2026-07.json.gz")]
    public void Real_on_demand_prices_keep_their_digits_to_the_fifth()
    {
        using JsonDocument table = JsonDocument.Parse(Bytes("spot/on_demand_prices_karpenter_2026-07.json.gz"));
        int rows = 0;
        foreach (JsonProperty region in table.RootElement.GetProperty("on_demand_usd_per_hour").EnumerateObject())
        {
            foreach (JsonProperty type in region.Value.EnumerateObject())
            {
                rows++;
                Assert.True(SpotPriceFeed.TryPrice(type.Value.GetRawText(), out double price));
                Assert.Equal(type.Value.GetDecimal(), (decimal)price, 5);
            }
        }

        Assert.Equal(3002, rows);
    }

    [SharedDataFact("spot/spot_price_history_2016")]
    public void Real_price_histories_are_read_to_the_last_row()
    {
        (int rows, int empty) = (0, 0);
        foreach (string file in Directory.EnumerateFiles(SharedData.PathOf("spot/spot_price_history_2016")))
        {
            byte[] json = Bytes(file);
            if (json.Length == 0)
            {
                empty++;
                continue;
            }

            using JsonDocument history = JsonDocument.Parse(json);
            foreach (JsonElement entry in history.RootElement.GetProperty("SpotPriceHistory").EnumerateArray())
            {
                rows++;
                if (!SpotPriceFeed.TryPrice(entry.GetProperty("SpotPrice").GetString(), out double price) || price is <= 0 or > 30)
                    Assert.Fail(entry.ToString());
            }
        }

        Assert.Equal((382 + 137 + 9822 + 8756 + 10693 + 8700 + 16588, 1), (rows, empty));
    }

    [
        Theory,
        InlineData("<html><body>503 Slow Down</body></html>"),
        InlineData(""),
        InlineData("""{"spot_advisor": {"us-east-1": {"Linux": {"m5.large": {"r":"""),
        InlineData("{}"),
        InlineData("[]"),
        InlineData("""{"spot_advisor": {}}"""),
        InlineData("""{"spot_advisor": {"x": 3}}""")
    ]
    public void What_is_not_the_advisor_document_is_refused_and_not_read_as_empty(string answer) =>
        Assert.Throws<FeedUnreadableException>(() => AdvisorFeed.Parse(Encoding.UTF8.GetBytes(answer)));

    [Fact]
    public void A_range_nobody_knows_makes_its_row_unknown_and_no_other()
    {
        Feed<InterruptionRate> feed = AdvisorFeed.Parse(
            """{"spot_advisor": {"r": {"Linux": {"a": {"r": 0}, "b": {"r": 9}, "c": {}, "d": {"r": 4}}, "Windows": {"e": {"r": 1}}}}}"""u8.ToArray()
        );
        Assert.Equal([new("a", "r", 3), new("d", "r", 1)], feed.Rows);
        Assert.Equal(["b", "c"], feed.Unknown.Select(place => place.InstanceType));
    }

    [
        Theory,
        InlineData("0.0116000000", true, 0.0116),
        InlineData("0.000005", true, 0),
        InlineData("0.123455", true, 0.12346),
        InlineData("0.123445", true, 0.12344),
        InlineData("0.0000000000", false, 0),
        InlineData("free", false, -1),
        InlineData(null, false, -1),
        InlineData("-1", false, -1),
        InlineData("1e3", false, -1)
    ]
    public void Prices_are_rounded_half_to_even_and_what_is_none_is_none(string? text, bool read, double price) =>
        Assert.Equal((read, price), (SpotPriceFeed.TryPrice(text, out double found), found));

    [Theory, InlineData("{}"), InlineData("<html>"), InlineData("""{"product": {"attributes": {}}}""")]
    public void What_is_no_product_is_refused(string product) => Assert.Throws<FeedUnreadableException>(() => PriceListFeed.Parse(product));

    [
        Theory,
        InlineData("""{"product": {"attributes": {"instanceType": "a", "regionCode": "r"}}, "terms": {}}"""),
        InlineData(
            """{"product": {"attributes": {"instanceType": "a", "regionCode": "r"}}, "terms": {"OnDemand": {"t": {"priceDimensions": {"d": {"pricePerUnit": {"USD": "0.0000000000"}}}}}}}"""
        ),
        InlineData(
            """{"product": {"attributes": {"instanceType": "a", "regionCode": "r"}}, "terms": {"OnDemand": {"t": {"priceDimensions": {"d": {"pricePerUnit": {"CNY": "1.0"}}}}}}}"""
        )
    ]
    public void A_product_without_a_price_above_zero_has_none(string product) => Assert.Null(PriceListFeed.Parse(product));

    private static Observation Everywhere(Feed<InterruptionRate> advisor) =>
        new(
            1,
            new([.. advisor.Rows.Select(row => new ZoneScore(row.InstanceType, row.Region, row.Region + "-az1", 3))], []),
            advisor,
            new([], []),
            new([], [])
        );

    private static byte[] Bytes(string path)
    {
        using Stream file = File.OpenRead(Path.IsPathRooted(path) ? path : SharedData.PathOf(path));
        using GZipStream plain = new(file, CompressionMode.Decompress);
        using MemoryStream bytes = new();
        plain.CopyTo(bytes);
        return bytes.ToArray();
    }
}
