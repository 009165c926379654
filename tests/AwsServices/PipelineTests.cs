using Amazon;
using Amazon.Pricing;
using Amazon.Pricing.Model;
using Amazon.Runtime;
using Amazon.TimestreamWrite;
using Amazon.TimestreamWrite.Model;
using Record = Amazon.TimestreamWrite.Model.Record;

namespace Durable.Tests.AwsServices;

/// <summary>What the SDK's own pipeline does around our clients: retries, clock, endpoints, paging.</summary>
public sealed class PipelineTests
{
    [Fact]
    public async Task A_throttled_call_is_tried_again()
    {
        StubAws aws = new(
            Json("""{"__type":"ThrottlingException","message":"slow down"}""", 400),
            Json("""{"Services":[{"ServiceCode":"AmazonEC2"}]}""")
        );
        using AmazonPricingClient client = Pricing(aws);

        DescribeServicesResponse response = await client.DescribeServicesAsync(new DescribeServicesRequest());

        Assert.Equal("AmazonEC2", response.Services.Single().ServiceCode);
        Assert.Equal(2, aws.Sent.Count);
    }

    [Fact]
    public async Task A_call_that_cannot_succeed_is_not_tried_again()
    {
        StubAws aws = new(Json("""{"__type":"InvalidParameterException","message":"no such service"}""", 400));
        using AmazonPricingClient client = Pricing(aws);

        InvalidParameterException e = await Assert.ThrowsAsync<InvalidParameterException>(() =>
            client.DescribeServicesAsync(new DescribeServicesRequest { ServiceCode = "x" })
        );

        Assert.Equal(("InvalidParameterException", "no such service", 400), (e.ErrorCode, e.Message, (int)e.StatusCode));
        Assert.Single(aws.Sent);
    }

    [Fact]
    public async Task An_answer_that_is_no_json_is_a_service_error_with_its_status()
    {
        StubAws aws = new(new StubAnswer(502, "<html>Bad gateway<br>", "text/html"));
        AmazonPricingConfig config = aws.Configure(new AmazonPricingConfig());
        config.MaxErrorRetry = 0;
        using AmazonPricingClient client = new(StubAws.Credentials, config);

        AmazonPricingException e = await Assert.ThrowsAsync<AmazonPricingException>(() =>
            client.DescribeServicesAsync(new DescribeServicesRequest())
        );

        Assert.Equal(502, (int)e.StatusCode);
    }

    [Fact]
    public async Task A_wrong_clock_is_corrected_from_the_services_own()
    {
        DateTimeOffset now = DateTimeOffset.UtcNow,
            theirs = now.AddHours(2);
        StubAws aws = new(
            Json("""{"__type":"RequestTimeTooSkewed","message":"m"}""", 403) with
            {
                Date = theirs,
            },
            Json("""{"Services":[]}""")
        );
        using AmazonPricingClient client = new(StubAws.Credentials, aws.Configure(new AmazonPricingConfig(), "http://skewed.test/"));

        await client.DescribeServicesAsync(new DescribeServicesRequest());

        DateTime signed = DateTime.ParseExact(
            aws.Sent[1].Headers["x-amz-date"],
            "yyyyMMdd'T'HHmmss'Z'",
            null,
            System.Globalization.DateTimeStyles.AdjustToUniversal | System.Globalization.DateTimeStyles.AssumeUniversal
        );
        Assert.InRange(signed, theirs.UtcDateTime.AddMinutes(-1), theirs.UtcDateTime.AddMinutes(1));
    }

    [Fact]
    public async Task A_services_own_endpoint_variable_decides_where_it_is_called()
    {
        StubAws aws = new(Json("""{"Services":[]}"""));
        Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_PRICING", "http://prices.test:81");
        try
        {
            using AmazonPricingClient client = new(StubAws.Credentials, aws.Configure(new AmazonPricingConfig(), url: null, "us-east-1"));
            await client.DescribeServicesAsync(new DescribeServicesRequest());
        }
        finally
        {
            Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_PRICING", null);
        }

        SentRequest sent = Assert.Single(aws.Sent);
        Assert.Equal("prices.test:81", sent.Address.Authority);
        Assert.Contains("/us-east-1/pricing/aws4_request", sent.Headers["authorization"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_paginator_follows_the_tokens_to_the_last_page_and_works_once()
    {
        StubAws aws = new(
            Json("""{"PriceList":["{\"a\":1}","{\"a\":2}"],"NextToken":"t1"}"""),
            Json("""{"PriceList":[],"NextToken":"t2"}"""),
            Json("""{"PriceList":["{\"a\":3}"]}""")
        );
        using AmazonPricingClient client = new(StubAws.Credentials, aws.Configure(new AmazonPricingConfig()));
        IGetProductsPaginator pages = client.Paginators.GetProducts(new GetProductsRequest { ServiceCode = "AmazonEC2" });

        List<string> products = [];
        await foreach (string product in pages.PriceList)
            products.Add(product);

        Assert.Equal(["""{"a":1}""", """{"a":2}""", """{"a":3}"""], products);
        Assert.Equal(
            [
                """{"ServiceCode":"AmazonEC2"}""",
                """{"ServiceCode":"AmazonEC2","NextToken":"t1"}""",
                """{"ServiceCode":"AmazonEC2","NextToken":"t2"}""",
            ],
            aws.Sent.Select(Sorted)
        );
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pages.PriceList.GetAsyncEnumerator().MoveNextAsync());

        static string Sorted(SentRequest sent)
        {
            var members = System
                .Text.Json.Nodes.JsonNode.Parse(sent.Body)!
                .AsObject()
                .OrderByDescending(m => m.Key)
                .Select(m => KeyValuePair.Create(m.Key, m.Value?.DeepClone()));
            return new System.Text.Json.Nodes.JsonObject(members).ToJsonString();
        }
    }

    [Fact]
    public async Task Timestream_is_asked_once_for_the_accounts_endpoint_and_written_to_there()
    {
        StubAws aws = new(sent =>
            sent.Headers["x-amz-target"].EndsWith("DescribeEndpoints", StringComparison.Ordinal)
                ? Json("""{"Endpoints":[{"Address":"ingest-cell1.timestream.eu-central-1.amazonaws.com","CachePeriodInMinutes":1440}]}""")
                : Json("""{"RecordsIngested":{"Total":1}}""")
        );
        using AmazonTimestreamWriteClient client = new(
            new BasicAWSCredentials("AKIDISCOVERY", "secret"),
            aws.Configure(new AmazonTimestreamWriteConfig(), url: null)
        );
        WriteRecordsRequest request = new()
        {
            DatabaseName = "d",
            TableName = "t",
            Records =
            [
                new Record
                {
                    MeasureName = "m",
                    MeasureValue = "1",
                    MeasureValueType = MeasureValueType.BIGINT,
                },
            ],
        };

        WriteRecordsResponse response = await client.WriteRecordsAsync(request);
        await client.WriteRecordsAsync(request);

        Assert.Equal(1, response.RecordsIngested.Total);
        Assert.Equal(
            [
                "ingest.timestream.eu-central-1.amazonaws.com",
                "ingest-cell1.timestream.eu-central-1.amazonaws.com",
                "ingest-cell1.timestream.eu-central-1.amazonaws.com",
            ],
            aws.Sent.Select(s => s.Address.Host)
        );
    }

    [Fact]
    public async Task Lists_are_null_until_set_and_a_list_set_but_empty_is_sent_as_such()
    {
        StubAws aws = new(Json("{}"));
        using AmazonPricingClient client = Pricing(aws);

        GetProductsResponse response = await client.GetProductsAsync(new GetProductsRequest { ServiceCode = "AmazonEC2", Filters = [] });

        Assert.Null(response.PriceList);
        Assert.Null(new GetProductsRequest().Filters);
        Assert.Contains("\"Filters\":[]", aws.Sent[0].Body, StringComparison.Ordinal);
    }

    private static AmazonPricingClient Pricing(StubAws aws) => new(StubAws.Credentials, aws.Configure(new AmazonPricingConfig()));

    private static StubAnswer Json(string body, int status = 200) => new(status, body, "application/x-amz-json-1.1");
}

/// <summary>AWSConfigs is process-wide: nothing else runs meanwhile.</summary>
[CollectionDefinition(nameof(InitializedCollections), DisableParallelization = true)]
public sealed class InitializedCollections;

[Collection(nameof(InitializedCollections))]
public sealed class InitializeCollectionsTests
{
    [Fact]
    public async Task With_InitializeCollections_lists_start_empty_and_empty_lists_are_not_sent()
    {
        StubAws aws = new(new StubAnswer(200, "{}", "application/x-amz-json-1.1"));
        AWSConfigs.InitializeCollections = true;
        try
        {
            using AmazonPricingClient client = new(StubAws.Credentials, aws.Configure(new AmazonPricingConfig()));
            Assert.Empty((await client.GetProductsAsync(new GetProductsRequest { ServiceCode = "AmazonEC2" })).PriceList);
        }
        finally
        {
            AWSConfigs.InitializeCollections = false;
        }

        Assert.DoesNotContain("Filters", aws.Sent.Single().Body, StringComparison.Ordinal);
    }
}
