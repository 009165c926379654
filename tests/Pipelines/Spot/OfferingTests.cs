using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Web;
using Amazon.EC2;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Packing;
using Durable.Tests.AwsServices;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>Offerings in pages, by the real EC2 client.</summary>
public sealed class OfferingTests
{
    private const string Pages = "spot/describe_instance_types_pages";

    [SharedDataFact(Pages)]
    public async Task The_types_of_nine_recorded_pages_are_all_offered_and_asked_for()
    {
        // Counted once with Python's json module: 865 different types, 9 of them m5.
        string[][] pages = [.. Directory.GetFiles(SharedData.PathOf(Pages)).Order(StringComparer.Ordinal).Select(TypesOf)];
        Assert.Equal(9, pages.Length);
        StubAws aws = new(request => Answer(request, pages));
        Feed<Offering> offered = await CollectAsync(aws, new SpotOptions { Bucket = "memory", Regions = "us-east-1" });
        Assert.Empty(offered.Unknown);
        Assert.Equal(
            (865, 865, 9),
            (offered.Rows.Count, offered.Rows.Select(offering => offering.InstanceType).Distinct().Count(), aws.Sent.Count)
        );
        Assert.All(offered.Rows, offering => Assert.Equal(2, offering.Zones));
        Assert.Equal(865, new QueryPacker().Pack(offered.Rows).Queries.Count); // two zones of one region fit one question

        Assert.Equal(9, (
                await CollectAsync(
                    aws,
                    new SpotOptions
                    {
                        Bucket = "memory",
                        Regions = "us-east-1",
                        InstanceTypes = "m5.*",
                    }
                )
            ).Rows.Count);
    }

    [Fact]
    public async Task A_page_that_leads_back_to_an_earlier_one_makes_the_region_unknown()
    {
        string[][] pages =
        [
            ["m5.large"],
            ["m5.xlarge"],
        ];
        StubAws aws = new(request => Answer(request, pages, after: _ => 1));
        Feed<Offering> offered = await CollectAsync(aws, new SpotOptions { Bucket = "memory", Regions = "us-east-1" });
        Assert.Empty(offered.Rows);
        Assert.Contains("repeats a page token", Assert.Single(offered.Unknown).Reason, StringComparison.Ordinal);
    }

    private static Task<Feed<Offering>> CollectAsync(StubAws aws, SpotOptions options) =>
        new OfferingCollector(new Account(aws), options, new Patience(TimeProvider.System)).CollectAsync(DateTime.UtcNow, default);

    private static StubAnswer Answer(SentRequest request, string[][] pages, Func<int, int>? after = null)
    {
        var asked = HttpUtility.ParseQueryString(request.Body);
        Assert.Equal(("DescribeInstanceTypeOfferings", "availability-zone"), (asked["Action"], asked["LocationType"]));
        int page = asked["NextToken"] is { } token ? int.Parse(token[5..]) : 0,
            next = after?.Invoke(page) ?? page + 1;
        StringBuilder answer = new(
            """<DescribeInstanceTypeOfferingsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r-1</requestId><instanceTypeOfferingSet>"""
        );
        foreach (string type in pages[page])
        {
            foreach (string zone in new[] { "us-east-1a", "us-east-1b" })
                answer.Append(
                    $"<item><instanceType>{type}</instanceType><locationType>availability-zone</locationType><location>{zone}</location></item>"
                );
        }

        answer.Append("</instanceTypeOfferingSet>");
        if (next < pages.Length)
            answer.Append($"<nextToken>page-{next}</nextToken>");
        return new StubAnswer(200, answer.Append("</DescribeInstanceTypeOfferingsResponse>").ToString());
    }

    private static string[] TypesOf(string path)
    {
        using GZipStream plain = new(File.OpenRead(path), CompressionMode.Decompress);
        using JsonDocument types = JsonDocument.Parse(plain);
        return [.. types.RootElement.EnumerateArray().Select(type => type.GetProperty("InstanceType").GetString()!)];
    }

    private sealed class Account(StubAws aws) : ISpotAccounts
    {
        public IAmazonEC2 Ec2(string account, string? region = null) =>
            new AmazonEC2Client(StubAws.Credentials, aws.Configure(new AmazonEC2Config(), region: region!));
    }
}
