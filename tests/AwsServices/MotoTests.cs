using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.Runtime;
using Amazon.SageMaker;
using Amazon.SageMaker.Model;
using Amazon.SimpleSystemsManagement;
using Amazon.SimpleSystemsManagement.Model;
using Amazon.TimestreamWrite;
using Amazon.TimestreamWrite.Model;
using Filter = Amazon.EC2.Model.Filter;
using Record = Amazon.TimestreamWrite.Model.Record;
using Tag = Amazon.EC2.Model.Tag;

namespace Durable.Tests.AwsServices;

/// <summary>Plain moto on its own port: another implementation of the protocols, over real HTTP.</summary>
public sealed class MotoServer : IAsyncLifetime
{
    private static readonly BasicAWSCredentials Anybody = new("moto", "moto");
    private Process? process;
    private string url = "";

    public async Task InitializeAsync()
    {
        if (Botocore.Missing is not null)
            return;
        int port = FreePort();
        url = $"http://127.0.0.1:{port}";
        process = Process.Start(
            new ProcessStartInfo("python3", ["-m", "moto.server", "-H", "127.0.0.1", "-p", $"{port}"])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            }
        )!;
        using HttpClient http = new();
        for (int tries = 0; ; tries++)
        {
            try
            {
                await http.GetAsync($"{url}/moto-api/");
                break;
            }
            catch (HttpRequestException) when (tries < 300 && !process.HasExited)
            {
                await Task.Delay(100);
            }
        }

        process.BeginErrorReadLine(); // its log: read, so that the pipe never fills
        process.BeginOutputReadLine();
    }

    public async Task DisposeAsync()
    {
        if (process is null)
            return;
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    internal T Client<T>(ClientConfig config, string region = "ap-northeast-2")
        where T : AmazonServiceClient
    {
        (config.ServiceURL, config.AuthenticationRegion) = (url, region);
        return (T)Activator.CreateInstance(typeof(T), Anybody, config)!;
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

public sealed class MotoTests(MotoServer moto) : IClassFixture<MotoServer>
{
    [BotocoreFact]
    public async Task A_machine_is_run_found_by_its_tag_stopped_started_and_terminated()
    {
        using AmazonEC2Client ec2 = moto.Client<AmazonEC2Client>(new AmazonEC2Config());
        RunInstancesResponse run = await ec2.RunInstancesAsync(
            new RunInstancesRequest("ami-12c6146b", 1, 1)
            {
                InstanceType = "m5.xlarge",
                Monitoring = true,
                TagSpecifications =
                [
                    new TagSpecification { ResourceType = Amazon.EC2.ResourceType.Instance, Tags = [new Tag("run", "a b&c=é")] },
                ],
            }
        );
        string id = run.Reservation.Instances.Single().InstanceId;
        List<string> ids = [id];

        Reservation found = (
            await ec2.DescribeInstancesAsync(new DescribeInstancesRequest { Filters = [new Filter("tag:run", ["a b&c=é"])] })
        ).Reservations.Single();
        Assert.Equal(
            (id, InstanceType.FindValue("m5.xlarge"), "ap-northeast-2"),
            (found.Instances[0].InstanceId, found.Instances[0].InstanceType, found.Instances[0].Placement.AvailabilityZone[..^1])
        );
        Assert.InRange(found.Instances[0].LaunchTime!.Value, DateTime.UtcNow.AddHours(-1), DateTime.UtcNow.AddHours(1));
        Assert.Equal(
            InstanceStateName.Stopping,
            (await ec2.StopInstancesAsync(new StopInstancesRequest(ids))).StoppingInstances[0].CurrentState.Name
        );
        Assert.Equal(
            InstanceStateName.Stopped,
            (await ec2.DescribeInstancesAsync(new DescribeInstancesRequest { InstanceIds = ids })).Reservations[0].Instances[0].State.Name
        );
        Assert.Equal(
            InstanceStateName.Pending,
            (await ec2.StartInstancesAsync(new StartInstancesRequest(ids))).StartingInstances[0].CurrentState.Name
        );
        Assert.Equal(
            SummaryStatus.Ok,
            (await ec2.DescribeInstanceStatusAsync(new DescribeInstanceStatusRequest { InstanceIds = ids }))
                .InstanceStatuses[0]
                .Status
                .Status
        );
        await ec2.CreateTagsAsync(new CreateTagsRequest { Resources = ids, Tags = [new Tag("lease", "7")] });
        List<TagDescription> tags = [];
        await foreach (
            TagDescription tag in ec2.Paginators.DescribeTags(new DescribeTagsRequest { Filters = [new Filter("resource-id", ids)] }).Tags
        )
            tags.Add(tag);
        Assert.Equal([("lease", "7"), ("run", "a b&c=é")], tags.Select(t => (t.Key, t.Value)).Order());
        Assert.Equal(
            InstanceStateName.ShuttingDown,
            (await ec2.TerminateInstancesAsync(new TerminateInstancesRequest(ids))).TerminatingInstances[0].CurrentState.Name
        );
    }

    [BotocoreFact]
    public async Task The_markets_reference_data_is_read()
    {
        using AmazonEC2Client ec2 = moto.Client<AmazonEC2Client>(new AmazonEC2Config());

        InstanceTypeInfo m5 = (
            await ec2.DescribeInstanceTypesAsync(new DescribeInstanceTypesRequest { InstanceTypes = ["m5.xlarge"] })
        ).InstanceTypes.Single();
        Assert.Equal((4, 16384L), (m5.VCpuInfo.DefaultVCpus, m5.MemoryInfo.SizeInMiB));
        Assert.Contains((await ec2.DescribeRegionsAsync()).Regions, r => r.RegionName == "ap-northeast-2");
        Assert.All(
            (await ec2.DescribeAvailabilityZonesAsync()).AvailabilityZones,
            z => Assert.StartsWith("apne2-az", z.ZoneId, StringComparison.Ordinal)
        );
        DescribeInstanceTypeOfferingsResponse offered = await ec2.DescribeInstanceTypeOfferingsAsync(
            new DescribeInstanceTypeOfferingsRequest
            {
                LocationType = LocationType.AvailabilityZone,
                Filters = [new Filter("instance-type", ["m5.xlarge"])],
            }
        );
        Assert.Contains(offered.InstanceTypeOfferings, o => o.InstanceType == "m5.xlarge" && o.Location == "ap-northeast-2a");
        SpotPrice price = (
            await ec2.DescribeSpotPriceHistoryAsync(
                new DescribeSpotPriceHistoryRequest
                {
                    InstanceTypes = ["m5.xlarge"],
                    StartTime = DateTime.UtcNow,
                    EndTime = DateTime.UtcNow,
                }
            )
        ).SpotPriceHistory[0];
        Assert.True(decimal.Parse(price.Price, System.Globalization.CultureInfo.InvariantCulture) > 0);
    }

    [BotocoreFact]
    public async Task A_parameter_is_written_and_read_and_a_missing_one_is_reported_by_type()
    {
        using AmazonSimpleSystemsManagementClient ssm = moto.Client<AmazonSimpleSystemsManagementClient>(
            new AmazonSimpleSystemsManagementConfig()
        );

        await ssm.PutParameterAsync(
            new PutParameterRequest
            {
                Name = "/durable/é",
                Value = "a\n\"b\"",
                Type = Amazon.SimpleSystemsManagement.ParameterType.String,
            }
        );

        Assert.Equal("a\n\"b\"", (await ssm.GetParameterAsync(new GetParameterRequest { Name = "/durable/é" })).Parameter.Value);
        await Assert.ThrowsAsync<ParameterNotFoundException>(() =>
            ssm.GetParameterAsync(new GetParameterRequest { Name = "/durable/none" })
        );
        await Assert.ThrowsAsync<ParameterAlreadyExistsException>(() =>
            ssm.PutParameterAsync(
                new PutParameterRequest
                {
                    Name = "/durable/é",
                    Value = "c",
                    Type = Amazon.SimpleSystemsManagement.ParameterType.String,
                }
            )
        );
    }

    [BotocoreFact]
    public async Task A_training_job_is_created_described_and_listed()
    {
        using AmazonSageMakerClient sageMaker = moto.Client<AmazonSageMakerClient>(new AmazonSageMakerConfig());
        await sageMaker.CreateTrainingJobAsync(
            new CreateTrainingJobRequest
            {
                TrainingJobName = "returns-1",
                RoleArn = "arn:aws:iam::123456789012:role/sage",
                AlgorithmSpecification = new AlgorithmSpecification { TrainingImage = "image", TrainingInputMode = TrainingInputMode.File },
                InputDataConfig =
                [
                    new Channel
                    {
                        ChannelName = "train",
                        DataSource = new DataSource
                        {
                            S3DataSource = new S3DataSource { S3DataType = S3DataType.S3Prefix, S3Uri = "s3://b/train/" },
                        },
                    },
                ],
                OutputDataConfig = new OutputDataConfig { S3OutputPath = "s3://b/model" },
                ResourceConfig = new ResourceConfig
                {
                    InstanceType = "ml.m5.large",
                    InstanceCount = 1,
                    VolumeSizeInGB = 30,
                },
                StoppingCondition = new StoppingCondition { MaxRuntimeInSeconds = 3600 },
                HyperParameters = new Dictionary<string, string> { ["train-uri"] = "s3://b/train/x.parquet" },
            }
        );

        DescribeTrainingJobResponse job = await sageMaker.DescribeTrainingJobAsync(
            new DescribeTrainingJobRequest { TrainingJobName = "returns-1" }
        );
        Assert.Equal(
            ("s3://b/train/x.parquet", TrainingInstanceType.FindValue("ml.m5.large"), 3600),
            (job.HyperParameters["train-uri"], job.ResourceConfig.InstanceType, job.StoppingCondition.MaxRuntimeInSeconds)
        );
        Assert.InRange(job.CreationTime!.Value, DateTime.UtcNow.AddMinutes(-5), DateTime.UtcNow.AddMinutes(5));
        List<string> names = [];
        await foreach (
            TrainingJobSummary summary in sageMaker.Paginators.ListTrainingJobs(new ListTrainingJobsRequest()).TrainingJobSummaries
        )
            names.Add(summary.TrainingJobName);
        Assert.Contains("returns-1", names);
    }

    [BotocoreFact]
    public async Task Records_are_written_to_a_table_of_a_database()
    {
        using AmazonTimestreamWriteClient timestream = moto.Client<AmazonTimestreamWriteClient>(
            new AmazonTimestreamWriteConfig(),
            "us-east-1"
        );
        await timestream.CreateDatabaseAsync(new CreateDatabaseRequest { DatabaseName = "spotlake" });
        await timestream.CreateTableAsync(
            new CreateTableRequest
            {
                DatabaseName = "spotlake",
                TableName = "aws",
                RetentionProperties = new RetentionProperties
                {
                    MemoryStoreRetentionPeriodInHours = 24,
                    MagneticStoreRetentionPeriodInDays = 365,
                },
            }
        );

        WriteRecordsResponse written = await timestream.WriteRecordsAsync(
            new WriteRecordsRequest
            {
                DatabaseName = "spotlake",
                TableName = "aws",
                CommonAttributes = new Record { Time = "1770865200000", TimeUnit = Amazon.TimestreamWrite.TimeUnit.MILLISECONDS },
                Records =
                [
                    new Record
                    {
                        MeasureName = "aws_values",
                        MeasureValueType = MeasureValueType.MULTI,
                        Dimensions =
                        [
                            new Dimension
                            {
                                Name = "InstanceType",
                                Value = "m5.xlarge",
                                DimensionValueType = DimensionValueType.VARCHAR,
                            },
                        ],
                        MeasureValues =
                        [
                            new MeasureValue
                            {
                                Name = "SPS",
                                Value = "3",
                                Type = MeasureValueType.BIGINT,
                            },
                            new MeasureValue
                            {
                                Name = "SpotPrice",
                                Value = "0.05",
                                Type = MeasureValueType.DOUBLE,
                            },
                        ],
                    },
                ],
            }
        );

        Assert.Equal(1, written.RecordsIngested.Total);
        Assert.Equal(
            365,
            (await timestream.DescribeTableAsync(new DescribeTableRequest { DatabaseName = "spotlake", TableName = "aws" }))
                .Table
                .RetentionProperties
                .MagneticStoreRetentionPeriodInDays
        );
        Assert.Equal(
            "spotlake",
            (await timestream.DescribeDatabaseAsync(new DescribeDatabaseRequest { DatabaseName = "spotlake" })).Database.DatabaseName
        );
    }
}
