using System.Text.Json;
using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.Pricing;
using Amazon.Pricing.Model;
using Amazon.S3;
using Amazon.S3.Model;
using Amazon.SageMaker;
using Amazon.SageMaker.Model;
using Amazon.SimpleSystemsManagement;
using Amazon.SimpleSystemsManagement.Model;
using Durable.Tests.Fixtures;

namespace Durable.Tests.SandboxTests;

/// <summary>Limits of the services that the pipelines must live with, processing jobs, the price list; seen through the app's own
/// clients.</summary>
public sealed class AwsSandboxLimitsTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>, IAsyncLifetime
{
    public Task InitializeAsync() => sandbox.ResetAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_command_tells_the_first_24000_characters_of_its_output()
    {
        string id = (await sandbox.CreateClusterAsync(workers: 0)).Master.Id;
        using AmazonEC2Client ec2 = sandbox.Ec2();
        await ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [id] });
        await Eventually.HoldsAsync(async () => (await sandbox.StatesAsync())[id] == "running");
        using AmazonSimpleSystemsManagementClient ssm = sandbox.Ssm();
        SendCommandRequest request = new()
        {
            InstanceIds = [id],
            DocumentName = "AWS-RunShellScript",
            Parameters = new() { ["commands"] = ["seq 100000 109999"] },
        };
        string command = (await ssm.SendCommandAsync(request)).Command.CommandId;

        GetCommandInvocationResponse? told = null;
        await Eventually.HoldsAsync(async () =>
            (told = await ssm.GetCommandInvocationAsync(new GetCommandInvocationRequest { CommandId = command, InstanceId = id })).Status
            == CommandInvocationStatus.Success
        );

        // 10,000 lines of 7 characters were written.
        Assert.Equal(24_000, told!.StandardOutputContent.Length);
        Assert.StartsWith("100000\n100001\n", told.StandardOutputContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_account_may_repeat_its_placement_questions_but_not_ask_new_ones_without_end()
    {
        using AmazonEC2Client ec2 = sandbox.Ec2(retries: 0);
        await sandbox.SetAsync("placementConfigurations", 2);
        await AskAsync(1);
        await AskAsync(5);
        Assert.Equal("MaxConfigLimitExceeded", (await Assert.ThrowsAsync<AmazonEC2Exception>(() => AskAsync(10))).ErrorCode);
        await AskAsync(5);

        Task AskAsync(int capacity) =>
            ec2.GetSpotPlacementScoresAsync(
                new GetSpotPlacementScoresRequest
                {
                    InstanceTypes = ["m5.large"],
                    TargetCapacity = capacity,
                    RegionNames = ["us-east-1"],
                }
            );
    }

    [Fact]
    public async Task Placement_scores_name_only_zones_that_offer_the_type_and_ten_at_most()
    {
        using AmazonEC2Client ec2 = sandbox.Ec2();
        List<SpotPlacementScore> scores = (
            await ec2.GetSpotPlacementScoresAsync(
                new GetSpotPlacementScoresRequest
                {
                    InstanceTypes = ["m5.large"],
                    TargetCapacity = 1,
                    SingleAvailabilityZone = true,
                    RegionNames = ["us-east-1", "us-west-2", "ap-northeast-2", "eu-west-1"],
                }
            )
        ).SpotPlacementScores;
        Assert.Equal(10, scores.Count);
        Assert.Equal(scores.Select(s => s.Score).OrderDescending(), scores.Select(s => s.Score));

        HashSet<string> offered =
        [
            .. (
                await ec2.DescribeInstanceTypeOfferingsAsync(
                    new DescribeInstanceTypeOfferingsRequest
                    {
                        LocationType = Amazon.EC2.LocationType.AvailabilityZoneId,
                        Filters = [new Amazon.EC2.Model.Filter("instance-type", ["m5.large"])],
                    }
                )
            ).InstanceTypeOfferings.Select(o => o.Location),
        ];
        Assert.Equal(4, offered.Count);
        Assert.All(scores.Where(s => s.Region == sandbox.Region), s => Assert.Contains(s.AvailabilityZoneId, offered));
    }

    [Fact]
    public async Task The_price_list_has_one_product_for_each_type_of_a_region()
    {
        using AmazonPricingClient pricing = sandbox.Pricing();
        GetProductsRequest ask = new()
        {
            ServiceCode = "AmazonEC2",
            Filters = [Term("regionCode", sandbox.Region), Term("operatingSystem", "Linux"), Term("tenancy", "Shared")],
        };
        List<string> types = [];
        do
        {
            GetProductsResponse page = await pricing.GetProductsAsync(ask);
            foreach (JsonElement product in page.PriceList.Select(text => JsonDocument.Parse(text).RootElement))
            {
                types.Add(product.GetProperty("product").GetProperty("attributes").GetProperty("instanceType").GetString()!);
                JsonElement price = product
                    .GetProperty("terms")
                    .GetProperty("OnDemand")
                    .EnumerateObject()
                    .First()
                    .Value.GetProperty("priceDimensions")
                    .EnumerateObject()
                    .First()
                    .Value;
                Assert.True(
                    decimal.Parse(
                        price.GetProperty("pricePerUnit").GetProperty("USD").GetString()!,
                        System.Globalization.CultureInfo.InvariantCulture
                    ) > 0
                );
            }

            ask.NextToken = page.NextToken;
        } while (!string.IsNullOrEmpty(ask.NextToken));

        Assert.True(types.Count > 100);
        Assert.Equal(types.Count, types.Distinct().Count());
        Assert.Empty(
            (
                await pricing.GetProductsAsync(
                    new GetProductsRequest { ServiceCode = "AmazonEC2", Filters = [Term("operatingSystem", "Windows")] }
                )
            ).PriceList
                ?? []
        );

        static Amazon.Pricing.Model.Filter Term(string field, string value) =>
            new()
            {
                Type = FilterType.TERM_MATCH,
                Field = field,
                Value = value,
            };
    }

    [Fact]
    public async Task A_processing_job_takes_its_input_from_storage_and_puts_its_output_there()
    {
        using AmazonS3Client s3 = sandbox.S3();
        await sandbox.CreateBucketAsync("bucket-two");
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = "bucket-two",
                Key = "in/rows",
                ContentBody = "1\n2\n3\n",
            }
        );
        using AmazonSageMakerClient sageMaker = sandbox.SageMaker();
        await sageMaker.CreateProcessingJobAsync(Job("counted", "wc -l < $1/rows | tr -d '\\n' > $2/lines"));
        await sageMaker.CreateProcessingJobAsync(Job("broken", "echo no such thing; exit 3"));

        Assert.Equal(ProcessingJobStatus.Completed, (await EndAsync("counted")).ProcessingJobStatus);
        using GetObjectResponse lines = await s3.GetObjectAsync("bucket-two", "out/lines");
        using StreamReader reader = new(lines.ResponseStream);
        Assert.Equal("3", await reader.ReadToEndAsync());
        DescribeProcessingJobResponse broken = await EndAsync("broken");
        Assert.Equal(ProcessingJobStatus.Failed, broken.ProcessingJobStatus);
        Assert.Equal("AlgorithmError: See job logs for more information: no such thing, exit code: 3", broken.FailureReason);

        async Task<DescribeProcessingJobResponse> EndAsync(string name)
        {
            DescribeProcessingJobResponse job = new();
            await Eventually.HoldsAsync(async () =>
                (
                    job = await sageMaker.DescribeProcessingJobAsync(new DescribeProcessingJobRequest { ProcessingJobName = name })
                ).ProcessingJobStatus != ProcessingJobStatus.InProgress
            );
            return job;
        }

        static CreateProcessingJobRequest Job(string name, string script) =>
            new()
            {
                ProcessingJobName = name,
                RoleArn = "arn:aws:iam::123456789012:role/processing",
                AppSpecification = new()
                {
                    ImageUri = "image",
                    ContainerEntrypoint = ["sh", "-c", script, "job"],
                    ContainerArguments = ["/opt/ml/processing/in", "/opt/ml/processing/out"],
                },
                ProcessingResources = new()
                {
                    ClusterConfig = new()
                    {
                        InstanceCount = 1,
                        InstanceType = "ml.m5.large",
                        VolumeSizeInGB = 1,
                    },
                },
                ProcessingInputs =
                [
                    new()
                    {
                        InputName = "rows",
                        S3Input = new()
                        {
                            S3Uri = "s3://bucket-two/in/",
                            LocalPath = "/opt/ml/processing/in",
                            S3DataType = "S3Prefix",
                            S3InputMode = "File",
                        },
                    },
                ],
                ProcessingOutputConfig = new()
                {
                    Outputs =
                    [
                        new()
                        {
                            OutputName = "lines",
                            S3Output = new()
                            {
                                S3Uri = "s3://bucket-two/out",
                                LocalPath = "/opt/ml/processing/out",
                                S3UploadMode = "EndOfJob",
                            },
                        },
                    ],
                },
            };
    }

    [Fact]
    public async Task A_training_job_without_capacity_is_taken_and_fails()
    {
        using AmazonSageMakerClient sageMaker = sandbox.SageMaker();
        await sandbox.FaultAsync("sagemaker", "CreateTrainingJob", "insufficient-capacity");
        await sageMaker.CreateTrainingJobAsync(
            new CreateTrainingJobRequest
            {
                TrainingJobName = "starved",
                RoleArn = "arn:aws:iam::123456789012:role/training",
                AlgorithmSpecification = new() { TrainingImage = "image", TrainingInputMode = TrainingInputMode.File },
                OutputDataConfig = new() { S3OutputPath = "s3://bucket-two/model" },
                ResourceConfig = new()
                {
                    InstanceCount = 1,
                    InstanceType = "ml.m5.large",
                    VolumeSizeInGB = 1,
                },
                StoppingCondition = new() { MaxRuntimeInSeconds = 60 },
            }
        );
        DescribeTrainingJobResponse job = new();
        await Eventually.HoldsAsync(async () =>
            (
                job = await sageMaker.DescribeTrainingJobAsync(new DescribeTrainingJobRequest { TrainingJobName = "starved" })
            ).TrainingJobStatus != TrainingJobStatus.InProgress
        );
        Assert.Equal(TrainingJobStatus.Failed, job.TrainingJobStatus);
        Assert.StartsWith("CapacityError", job.FailureReason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("timeout", false)]
    [InlineData("lost-reply", true)]
    public async Task A_put_without_an_answer_was_done_only_if_its_reply_was_lost(string kind, bool done)
    {
        using AmazonS3Client s3 = sandbox.S3(retries: 0);
        await sandbox.CreateBucketAsync("bucket-three");
        await sandbox.FaultAsync("s3", "PutObject", kind, seconds: 0.1);
        await Assert.ThrowsAnyAsync<Exception>(() =>
            s3.PutObjectAsync(
                new PutObjectRequest
                {
                    BucketName = "bucket-three",
                    Key = "k",
                    ContentBody = "v",
                }
            )
        );
        ListObjectsV2Response list = await s3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = "bucket-three" });
        Assert.Equal(done, list.S3Objects is { Count: 1 });
    }

    [Fact]
    public async Task A_stop_hangs_for_the_machine_that_the_fault_names()
    {
        SandboxCluster cluster = await sandbox.CreateClusterAsync(workers: 1);
        using AmazonEC2Client ec2 = sandbox.Ec2();
        await ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [.. cluster.Ids] });
        await Eventually.HoldsAsync(async () => (await sandbox.StatesAsync()).Values.All(s => s == "running"));
        await sandbox.FaultAsync("ec2", "StopInstances", "hang-stop", match: cluster.Workers[0].Id);
        await ec2.StopInstancesAsync(new StopInstancesRequest { InstanceIds = [.. cluster.Ids] });
        await Eventually.HoldsAsync(async () => (await sandbox.StatesAsync())[cluster.Master.Id] == "stopped");
        Assert.Equal("stopping", (await sandbox.StatesAsync())[cluster.Workers[0].Id]);
        await sandbox.MachineAsync(cluster.Workers[0].Id, "release");
        await Eventually.HoldsAsync(async () => (await sandbox.StatesAsync())[cluster.Workers[0].Id] == "stopped");
    }
}
