using Amazon;
using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.Pricing;
using Amazon.Pricing.Model;
using Amazon.Runtime;
using Amazon.SimpleSystemsManagement;
using Amazon.SimpleSystemsManagement.Model;
using Amazon.TimestreamWrite;
using Amazon.TimestreamWrite.Model;
using Record = Amazon.TimestreamWrite.Model.Record;

namespace Durable.Tests.AwsServices;

/// <summary>What the SDK's own pipeline does around our clients: retries, clock, endpoints, paging.</summary>
public sealed class PipelineTests
{
    private static readonly StubAnswer Started = new(200, "<StartInstancesResponse><requestId>r</requestId><instancesSet><item><instanceId>i-1</instanceId></item></instancesSet></StartInstancesResponse>");
    private static readonly StubAnswer Ran = new(200, "<RunInstancesResponse><reservationId>r-1</reservationId></RunInstancesResponse>");

    [Fact]
    public async Task A_throttled_ec2_call_is_tried_again()
    {
        StubAws aws = new(Ec2Error(503, "RequestLimitExceeded"), Started);
        using AmazonEC2Client client = Ec2(aws);

        StartInstancesResponse response = await client.StartInstancesAsync(new StartInstancesRequest(["i-1"]));

        Assert.Equal("i-1", response.StartingInstances.Single().InstanceId);
        Assert.Equal(2, aws.Sent.Count);
    }

    [Fact]
    public async Task A_throttled_json_call_is_tried_again()
    {
        StubAws aws = new(Json("""{"__type":"ThrottlingException","message":"slow down"}""", 400), Json("""{"Parameter":{"Name":"p","Value":"v","Version":3}}"""));
        using AmazonSimpleSystemsManagementClient client = new(StubAws.Credentials, aws.Configure(new AmazonSimpleSystemsManagementConfig()));

        GetParameterResponse response = await client.GetParameterAsync(new GetParameterRequest { Name = "p" });

        Assert.Equal(("v", 3L), (response.Parameter.Value, response.Parameter.Version!.Value));
        Assert.Equal(2, aws.Sent.Count);
    }

    [Fact]
    public async Task A_call_that_cannot_succeed_is_not_tried_again()
    {
        StubAws aws = new(Ec2Error(400, "InvalidInstanceID.NotFound"));
        using AmazonEC2Client client = Ec2(aws);

        AmazonEC2Exception e = await Assert.ThrowsAsync<AmazonEC2Exception>(() => client.StartInstancesAsync(new StartInstancesRequest(["i-1"])));

        Assert.Equal(("InvalidInstanceID.NotFound", ErrorType.Sender, "r-9"), (e.ErrorCode, e.ErrorType, e.RequestId));
        Assert.Single(aws.Sent);
    }

    [Fact]
    public async Task An_answer_that_is_no_xml_is_a_service_error_with_its_status()
    {
        StubAws aws = new(new StubAnswer(502, "<html>Bad gateway<br>", "text/html"));
        AmazonEC2Config config = aws.Configure(new AmazonEC2Config());
        config.MaxErrorRetry = 0;
        using AmazonEC2Client client = new(StubAws.Credentials, config);

        AmazonEC2Exception e = await Assert.ThrowsAsync<AmazonEC2Exception>(() => client.DescribeRegionsAsync());

        Assert.Equal(502, (int)e.StatusCode);
    }

    [Fact]
    public async Task The_same_idempotency_token_goes_out_with_every_try_and_a_new_one_with_every_call()
    {
        StubAws aws = new(Ec2Error(500, "InternalError"), Ran, Ran);
        using AmazonEC2Client client = Ec2(aws);

        await client.RunInstancesAsync(new RunInstancesRequest("ami-1", 1, 1));
        await client.RunInstancesAsync(new RunInstancesRequest("ami-1", 1, 1));

        string[] tokens = [.. aws.Sent.Select(s => s.Body.Split('&').Single(p => p.StartsWith("ClientToken=", StringComparison.Ordinal)))];
        Assert.Equal(tokens[0], tokens[1]);
        Assert.NotEqual(tokens[1], tokens[2]);
    }

    [Fact]
    public async Task A_wrong_clock_is_corrected_from_the_services_own()
    {
        DateTimeOffset now = DateTimeOffset.UtcNow, theirs = now.AddHours(2);
        StubAws aws = new(Ec2Error(403, "RequestTimeTooSkewed") with { Date = theirs }, Started);
        using AmazonEC2Client client = new(StubAws.Credentials, aws.Configure(new AmazonEC2Config(), "http://skewed.test/"));

        await client.StartInstancesAsync(new StartInstancesRequest(["i-1"]));

        DateTime signed = DateTime.ParseExact(aws.Sent[1].Headers["x-amz-date"], "yyyyMMdd'T'HHmmss'Z'", null, System.Globalization.DateTimeStyles.AdjustToUniversal | System.Globalization.DateTimeStyles.AssumeUniversal);
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
        StubAws aws = new(Json("""{"PriceList":["{\"a\":1}","{\"a\":2}"],"NextToken":"t1"}"""), Json("""{"PriceList":[],"NextToken":"t2"}"""), Json("""{"PriceList":["{\"a\":3}"]}"""));
        using AmazonPricingClient client = new(StubAws.Credentials, aws.Configure(new AmazonPricingConfig()));
        IGetProductsPaginator pages = client.Paginators.GetProducts(new GetProductsRequest { ServiceCode = "AmazonEC2" });

        List<string> products = [];
        await foreach (string product in pages.PriceList) products.Add(product);

        Assert.Equal(["""{"a":1}""", """{"a":2}""", """{"a":3}"""], products);
        Assert.Equal(["""{"ServiceCode":"AmazonEC2"}""", """{"ServiceCode":"AmazonEC2","NextToken":"t1"}""", """{"ServiceCode":"AmazonEC2","NextToken":"t2"}"""], aws.Sent.Select(Sorted));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pages.PriceList.GetAsyncEnumerator().MoveNextAsync());

        static string Sorted(SentRequest sent)
        {
            var members = System.Text.Json.Nodes.JsonNode.Parse(sent.Body)!.AsObject().OrderByDescending(m => m.Key).Select(m => KeyValuePair.Create(m.Key, m.Value?.DeepClone()));
            return new System.Text.Json.Nodes.JsonObject(members).ToJsonString();
        }
    }

    [Fact]
    public async Task Timestream_is_asked_once_for_the_accounts_endpoint_and_written_to_there()
    {
        StubAws aws = new(sent => sent.Headers["x-amz-target"].EndsWith("DescribeEndpoints", StringComparison.Ordinal)
            ? Json("""{"Endpoints":[{"Address":"ingest-cell1.timestream.eu-central-1.amazonaws.com","CachePeriodInMinutes":1440}]}""")
            : Json("""{"RecordsIngested":{"Total":1}}"""));
        using AmazonTimestreamWriteClient client = new(new BasicAWSCredentials("AKIDISCOVERY", "secret"), aws.Configure(new AmazonTimestreamWriteConfig(), url: null));
        WriteRecordsRequest request = new() { DatabaseName = "d", TableName = "t", Records = [new Record { MeasureName = "m", MeasureValue = "1", MeasureValueType = MeasureValueType.BIGINT }] };

        WriteRecordsResponse response = await client.WriteRecordsAsync(request);
        await client.WriteRecordsAsync(request);

        Assert.Equal(1, response.RecordsIngested.Total);
        Assert.Equal(
            ["ingest.timestream.eu-central-1.amazonaws.com", "ingest-cell1.timestream.eu-central-1.amazonaws.com", "ingest-cell1.timestream.eu-central-1.amazonaws.com"],
            aws.Sent.Select(s => s.Address.Host));
    }

    [Fact]
    public async Task Lists_are_null_until_set_and_a_list_set_but_empty_is_sent_as_such()
    {
        StubAws aws = new(new StubAnswer(200, "<DescribeInstancesResponse/>"));
        using AmazonEC2Client client = Ec2(aws);

        DescribeInstancesResponse response = await client.DescribeInstancesAsync(new DescribeInstancesRequest { InstanceIds = [] });

        Assert.Null(response.Reservations);
        Assert.Null(new DescribeInstancesRequest().Filters);
        Assert.Contains("InstanceId=", aws.Sent[0].Body.Split('&'));
        Assert.DoesNotContain("Filter=", aws.Sent[0].Body.Split('&'));
    }

    private static AmazonEC2Client Ec2(StubAws aws) => new(StubAws.Credentials, aws.Configure(new AmazonEC2Config()));

    private static StubAnswer Ec2Error(int status, string code) =>
        new(status, $"<Response><Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors><RequestID>r-9</RequestID></Response>");

    private static StubAnswer Json(string body, int status = 200) => new(status, body, "application/x-amz-json-1.1");
}

/// <summary>AWSConfigs is the process's: nothing else runs meanwhile.</summary>
[CollectionDefinition(nameof(InitializedCollections), DisableParallelization = true)]
public sealed class InitializedCollections;

[Collection(nameof(InitializedCollections))]
public sealed class InitializeCollectionsTests
{
    [Fact]
    public async Task With_InitializeCollections_lists_start_empty_and_empty_lists_are_not_sent()
    {
        StubAws aws = new(new StubAnswer(200, "<DescribeInstancesResponse/>"));
        AWSConfigs.InitializeCollections = true;
        try
        {
            using AmazonEC2Client client = new(StubAws.Credentials, aws.Configure(new AmazonEC2Config()));
            Assert.Empty((await client.DescribeInstancesAsync(new DescribeInstancesRequest())).Reservations);
        }
        finally
        {
            AWSConfigs.InitializeCollections = false;
        }

        Assert.DoesNotContain("InstanceId=", aws.Sent.Single().Body.Split('&'));
    }
}
