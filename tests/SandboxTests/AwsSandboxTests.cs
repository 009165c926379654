using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.S3;
using Amazon.S3.Model;
using Amazon.SageMaker;
using Amazon.SageMaker.Model;
using Amazon.SimpleSystemsManagement;
using Amazon.SimpleSystemsManagement.Model;
using Durable.Tests.Fixtures;

namespace Durable.Tests.SandboxTests;

/// <summary>The sandbox executes calls and injects faults as requested; tested through the app's own clients.</summary>
public sealed class AwsSandboxTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>, IAsyncLifetime
{
    public Task InitializeAsync() => sandbox.ResetAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Machines_take_their_time_between_states()
    {
        SandboxCluster cluster = await sandbox.CreateClusterAsync(workers: 1);
        using AmazonEC2Client ec2 = sandbox.Ec2();
        await sandbox.SetAsync("startDelaySeconds", 0.4);

        StartInstancesResponse started = await ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [.. cluster.Ids] });
        Assert.All(
            started.StartingInstances,
            s => Assert.Equal((InstanceStateName.Stopped, InstanceStateName.Pending), (s.PreviousState.Name, s.CurrentState.Name))
        );
        Assert.All((await sandbox.StatesAsync()).Values, state => Assert.Equal("pending", state));
        await UntilAsync("running", cluster.Ids);

        await sandbox.SetAsync("stopDelaySeconds", 0.4);
        await ec2.StopInstancesAsync(new StopInstancesRequest { InstanceIds = [.. cluster.Ids] });
        AmazonEC2Exception early = await Assert.ThrowsAsync<AmazonEC2Exception>(() =>
            ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [cluster.Master.Id] })
        );
        Assert.Equal("IncorrectInstanceState", early.ErrorCode);
        await UntilAsync("stopped", cluster.Ids);
    }

    [Fact]
    public async Task A_command_runs_on_its_machine_and_ends_with_it()
    {
        SandboxCluster cluster = await StartedAsync();
        string id = cluster.Master.Id;
        GetCommandInvocationResponse done = await RunAsync(id, "echo out; echo err >&2; pwd; exit 7");
        Assert.Equal((CommandInvocationStatus.Failed, 7, "err\n"), (done.Status, done.ResponseCode, done.StandardErrorContent));
        Assert.Equal($"out\n{sandbox.FolderOf(id)}/home\n", done.StandardOutputContent);

        string mark = Guid.NewGuid().ToString("N");
        Assert.Equal(CommandInvocationStatus.Success, (await RunAsync(id, $"setsid sh -c 'sleep 600; : {mark}' >/dev/null 2>&1 &")).Status);
        Assert.True(Running(mark));
        using AmazonEC2Client ec2 = sandbox.Ec2();
        await ec2.StopInstancesAsync(new StopInstancesRequest { InstanceIds = [id] });
        await UntilAsync("stopped", [id]);
        Assert.False(Running(mark));

        using AmazonSimpleSystemsManagementClient ssm = sandbox.Ssm();
        await Assert.ThrowsAsync<InvalidInstanceIdException>(() => ssm.SendCommandAsync(Shell(id, "true")));
    }

    [Fact]
    public async Task A_command_is_cut_off_by_its_time_limit_or_by_cancellation()
    {
        SandboxCluster cluster = await StartedAsync();
        string id = cluster.Master.Id;
        SendCommandRequest slow = Shell(id, "sleep 60");
        slow.Parameters["executionTimeout"] = ["1"];
        Assert.Equal(CommandInvocationStatus.TimedOut, (await RunAsync(slow)).Status);

        using AmazonSimpleSystemsManagementClient ssm = sandbox.Ssm();
        string command = (await ssm.SendCommandAsync(Shell(id, "sleep 60"))).Command.CommandId;
        await ssm.CancelCommandAsync(new CancelCommandRequest { CommandId = command });
        Assert.Equal(CommandInvocationStatus.Cancelled, (await EndAsync(ssm, command, id)).Status);
    }

    [Theory]
    [InlineData("throttle", "RequestLimitExceeded")]
    [InlineData("expired", "RequestExpired")]
    [InlineData("denied", "UnauthorizedOperation")]
    [InlineData("insufficient-capacity", "InsufficientInstanceCapacity")]
    [InlineData("500", "InternalError")]
    public async Task A_fault_answers_as_the_service_would(string kind, string code)
    {
        SandboxCluster cluster = await sandbox.CreateClusterAsync(workers: 0);
        using AmazonEC2Client ec2 = sandbox.Ec2(retries: 0);
        await sandbox.FaultAsync("ec2", "StartInstances", kind);
        StartInstancesRequest request = new() { InstanceIds = [cluster.Master.Id] };
        Assert.Equal(code, (await Assert.ThrowsAsync<AmazonEC2Exception>(() => ec2.StartInstancesAsync(request))).ErrorCode);
        Assert.Equal("stopped", (await sandbox.StatesAsync())[cluster.Master.Id]);

        // Once was asked for: the next call goes through.
        await ec2.StartInstancesAsync(request);
        Assert.Equal([kind, "passed"], (await sandbox.CallsAsync("ec2", "StartInstances")).Select(c => c.Outcome));
    }

    [Fact]
    public async Task Throttling_is_retried_by_the_client_itself()
    {
        SandboxCluster cluster = await sandbox.CreateClusterAsync(workers: 0);
        using AmazonEC2Client ec2 = sandbox.Ec2();
        await sandbox.FaultAsync("ec2", "DescribeInstances", "throttle", times: 2);
        Assert.Single((await ec2.DescribeInstancesAsync(new DescribeInstancesRequest { InstanceIds = [cluster.Master.Id] })).Reservations);
        Assert.Equal(["throttle", "throttle", "passed"], (await sandbox.CallsAsync("ec2", "DescribeInstances")).Select(c => c.Outcome));
    }

    [Fact]
    public async Task A_lost_reply_leaves_the_work_done()
    {
        SandboxCluster cluster = await sandbox.CreateClusterAsync(workers: 0);
        using AmazonEC2Client ec2 = sandbox.Ec2(retries: 0);
        await sandbox.FaultAsync("ec2", "StartInstances", "lost-reply");
        await Assert.ThrowsAnyAsync<Exception>(() =>
            ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [cluster.Master.Id] })
        );
        await UntilAsync("running", [cluster.Master.Id]);
    }

    [Fact]
    public async Task A_hanging_stop_ends_by_force_or_not_at_all()
    {
        SandboxCluster cluster = await StartedAsync(workers: 2);
        using AmazonEC2Client ec2 = sandbox.Ec2();
        StopInstancesRequest stop = new() { InstanceIds = [cluster.Master.Id] };
        await sandbox.FaultAsync("ec2", "StopInstances", "hang-stop");
        await ec2.StopInstancesAsync(stop);
        await ec2.StopInstancesAsync(new StopInstancesRequest { InstanceIds = [cluster.Workers[1].Id] });
        await UntilAsync("stopped", [cluster.Workers[1].Id]); // another one, stopped later, is off by now
        Assert.Equal("stopping", (await sandbox.StatesAsync())[cluster.Master.Id]);
        stop.Force = true;
        await ec2.StopInstancesAsync(stop);
        await UntilAsync("stopped", [cluster.Master.Id]);

        await sandbox.FaultAsync("ec2", "StopInstances", "hang-stop-for-ever", times: -1);
        StopInstancesRequest worker = new() { InstanceIds = [cluster.Workers[0].Id], Force = true };
        await ec2.StopInstancesAsync(worker);
        await ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [cluster.Master.Id] });
        await UntilAsync("running", [cluster.Master.Id]);
        Assert.Equal("stopping", (await sandbox.StatesAsync())[cluster.Workers[0].Id]);
        await sandbox.ClearFaultsAsync();
        await ec2.StopInstancesAsync(worker);
        await UntilAsync("stopped", [cluster.Workers[0].Id]);
    }

    [Theory]
    [InlineData("denied", "AccessDenied")]
    [InlineData("expired", "ExpiredToken")]
    [InlineData("throttle", "SlowDown")]
    public async Task Storage_fails_on_request(string kind, string code)
    {
        using AmazonS3Client s3 = sandbox.S3(retries: 0);
        await sandbox.CreateBucketAsync("bucket-one");
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = "bucket-one",
                Key = "a/b",
                ContentBody = "hi",
            }
        );
        await sandbox.FaultAsync("s3", "GetObject", kind);
        Assert.Equal(code, (await Assert.ThrowsAsync<AmazonS3Exception>(() => s3.GetObjectAsync("bucket-one", "a/b"))).ErrorCode);
        using GetObjectResponse found = await s3.GetObjectAsync("bucket-one", "a/b");
        Assert.Equal(2, found.ContentLength);
    }

    [Fact]
    public async Task A_training_job_runs_its_script_and_keeps_its_model()
    {
        using AmazonS3Client s3 = sandbox.S3();
        await sandbox.CreateBucketAsync("bucket-one");
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = "bucket-one",
                Key = "in/rows.csv",
                ContentBody = "1\n2\n",
            }
        );
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = "bucket-one",
                Key = "code/source.tar.gz",
                InputStream = Packed(
                    """
                    import os, sys
                    rows = open(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv")).read().split()
                    if "--fail" in sys.argv: sys.exit(4)
                    if "--sleep" in sys.argv: __import__("time").sleep(60)
                    open(os.path.join(os.environ["SM_MODEL_DIR"], "sum"), "w").write(str(sum(map(int, rows))) + " " + os.environ["SM_HP_EPOCHS"])
                    """
                ),
            }
        );
        using AmazonSageMakerClient trainer = sandbox.SageMaker();

        await trainer.CreateTrainingJobAsync(Job("good"));
        DescribeTrainingJobResponse good = await TrainedAsync(trainer, "good");
        Assert.Equal(TrainingJobStatus.Completed, good.TrainingJobStatus);
        Assert.Equal(
            ["Starting", "Downloading", "Training", "Uploading", "Completed"],
            good.SecondaryStatusTransitions.Select(t => t.Status.Value)
        );
        Assert.Equal("s3://bucket-one/model/good/output/model.tar.gz", good.ModelArtifacts.S3ModelArtifacts);
        using GetObjectResponse model = await s3.GetObjectAsync("bucket-one", "model/good/output/model.tar.gz");
        using TarReader tar = new(new GZipStream(model.ResponseStream, CompressionMode.Decompress));
        using StreamReader sum = new((await tar.GetNextEntryAsync(copyData: true))!.DataStream!);
        Assert.Equal("3 7", await sum.ReadToEndAsync());

        await trainer.CreateTrainingJobAsync(Job("bad", ("fail", "1")));
        DescribeTrainingJobResponse bad = await TrainedAsync(trainer, "bad");
        Assert.Equal(TrainingJobStatus.Failed, bad.TrainingJobStatus);
        Assert.Contains("ExitCode 4", bad.FailureReason, StringComparison.Ordinal);

        await trainer.CreateTrainingJobAsync(Job("long", ("sleep", "1")));
        await trainer.StopTrainingJobAsync(new StopTrainingJobRequest { TrainingJobName = "long" });
        Assert.Equal(TrainingJobStatus.Stopped, (await TrainedAsync(trainer, "long")).TrainingJobStatus);
        await Assert.ThrowsAsync<Amazon.SageMaker.Model.ResourceInUseException>(() => trainer.CreateTrainingJobAsync(Job("good")));
    }

    [Fact]
    public async Task The_spot_market_is_the_same_when_asked_again()
    {
        using AmazonEC2Client ec2 = sandbox.Ec2();
        GetSpotPlacementScoresRequest ask = new()
        {
            InstanceTypes = ["m5.large"],
            TargetCapacity = 10,
            SingleAvailabilityZone = true,
            RegionNames = ["us-east-1", "eu-west-1"],
        };
        List<SpotPlacementScore> scores = (await ec2.GetSpotPlacementScoresAsync(ask)).SpotPlacementScores;
        Assert.InRange(scores.Count, 1, 10);
        Assert.All(scores, s => Assert.InRange(s.Score!.Value, 1, 10));
        Assert.Equal(
            scores.Select(s => (s.AvailabilityZoneId, s.Score)),
            (await ec2.GetSpotPlacementScoresAsync(ask)).SpotPlacementScores.Select(s => (s.AvailabilityZoneId, s.Score))
        );

        DescribeSpotPriceHistoryRequest prices = new()
        {
            InstanceTypes = ["m5.large"],
            ProductDescriptions = ["Linux/UNIX"],
            StartTime = DateTime.UtcNow.AddHours(-3),
            MaxResults = 5,
        };
        List<SpotPrice> all = [];
        do
        {
            DescribeSpotPriceHistoryResponse page = await ec2.DescribeSpotPriceHistoryAsync(prices);
            all.AddRange(page.SpotPriceHistory);
            prices.NextToken = page.NextToken;
        } while (!string.IsNullOrEmpty(prices.NextToken));

        // The price in force at the start and one for each of the three hours begun since, in each zone; a test at the turn of an hour may
        // see one less.
        int zones = all.Select(p => p.AvailabilityZone).Distinct().Count();
        Assert.InRange(all.Count, 3 * zones, 4 * zones);
        Assert.True(all.Select(p => p.Price).Distinct().Count() > zones);
    }

    private static CreateTrainingJobRequest Job(string name, params (string Name, string Value)[] extra) =>
        new()
        {
            TrainingJobName = name,
            RoleArn = "arn:aws:iam::123456789012:role/training",
            AlgorithmSpecification = new() { TrainingImage = "image", TrainingInputMode = TrainingInputMode.File },
            InputDataConfig =
            [
                new()
                {
                    ChannelName = "train",
                    DataSource = new()
                    {
                        S3DataSource = new() { S3DataType = S3DataType.S3Prefix, S3Uri = "s3://bucket-one/in/" },
                    },
                },
            ],
            OutputDataConfig = new() { S3OutputPath = "s3://bucket-one/model" },
            ResourceConfig = new()
            {
                InstanceCount = 1,
                InstanceType = "ml.m5.large",
                VolumeSizeInGB = 10,
            },
            StoppingCondition = new() { MaxRuntimeInSeconds = 60 },
            HyperParameters = new(extra.Select(e => KeyValuePair.Create(e.Name, e.Value)))
            {
                ["sagemaker_program"] = "\"train.py\"",
                ["sagemaker_submit_directory"] = "\"s3://bucket-one/code/source.tar.gz\"",
                ["epochs"] = "7",
            },
        };

    private static MemoryStream Packed(string script)
    {
        MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        using (TarWriter tar = new(gzip))
        {
            tar.WriteEntry(
                new PaxTarEntry(TarEntryType.RegularFile, "train.py") { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(script)) }
            );
        }

        packed.Position = 0;
        return packed;
    }

    private static async Task<DescribeTrainingJobResponse> TrainedAsync(AmazonSageMakerClient trainer, string name)
    {
        DescribeTrainingJobResponse job = null!;
        await Eventually.HoldsAsync(
            async () =>
            {
                job = await trainer.DescribeTrainingJobAsync(new DescribeTrainingJobRequest { TrainingJobName = name });
                return job.TrainingJobStatus != TrainingJobStatus.InProgress && job.TrainingJobStatus != TrainingJobStatus.Stopping;
            },
            () => Task.FromResult($"{name} is still {job.SecondaryStatus}")
        );
        return job;
    }

    private async Task<SandboxCluster> StartedAsync(int workers = 1)
    {
        SandboxCluster cluster = await sandbox.CreateClusterAsync(workers);
        using AmazonEC2Client ec2 = sandbox.Ec2();
        await ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [.. cluster.Ids] });
        await UntilAsync("running", cluster.Ids);
        return cluster;
    }

    private Task UntilAsync(string state, IReadOnlyList<string> ids) =>
        Eventually.HoldsAsync(
            async () =>
            {
                IReadOnlyDictionary<string, string> states = await sandbox.StatesAsync();
                return ids.All(id => states[id] == state);
            },
            async () => $"not {state}: {string.Join(", ", await sandbox.StatesAsync())}"
        );

    private static SendCommandRequest Shell(string id, string script) =>
        new()
        {
            InstanceIds = [id],
            DocumentName = "AWS-RunShellScript",
            Parameters = new() { ["commands"] = [script] },
        };

    private Task<GetCommandInvocationResponse> RunAsync(string id, string script) => RunAsync(Shell(id, script));

    private async Task<GetCommandInvocationResponse> RunAsync(SendCommandRequest request)
    {
        using AmazonSimpleSystemsManagementClient ssm = sandbox.Ssm();
        return await EndAsync(ssm, (await ssm.SendCommandAsync(request)).Command.CommandId, request.InstanceIds[0]);
    }

    private static async Task<GetCommandInvocationResponse> EndAsync(AmazonSimpleSystemsManagementClient ssm, string command, string id)
    {
        GetCommandInvocationResponse now = null!;
        await Eventually.HoldsAsync(
            async () =>
            {
                now = await ssm.GetCommandInvocationAsync(new GetCommandInvocationRequest { CommandId = command, InstanceId = id });
                return now.Status != CommandInvocationStatus.Pending && now.Status != CommandInvocationStatus.InProgress;
            },
            () => Task.FromResult($"still {now.Status}")
        );
        return now;
    }

    private static bool Running(string mark)
    {
        using Process list = Process.Start(new ProcessStartInfo("pgrep", ["-f", mark]) { RedirectStandardOutput = true })!;
        list.WaitForExit();
        return list.ExitCode == 0;
    }
}
