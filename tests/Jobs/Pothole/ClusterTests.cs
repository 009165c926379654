using System.Text.Json;
using Amazon.EC2.Model;
using Amazon.S3;
using Amazon.S3.Model;
using Amazon.SimpleSystemsManagement;
using Amazon.SimpleSystemsManagement.Model;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

/// <summary>The stages on s3a:// paths, and on the machines of the sandbox.</summary>
public sealed class ClusterTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>, IDisposable
{
    private readonly Desk desk = new();
    private readonly string bucket = $"pothole-{Guid.NewGuid():N}";

    public void Dispose() => desk.Dispose();

    [SparkFact]
    public async Task The_stages_leave_the_same_export_on_S3_as_on_a_disk_and_replace_what_a_killed_driver_left()
    {
        using AmazonS3Client s3 = await BucketAsync();
        string raw = $"s3a://{bucket}/raw/dt={Desk.Day}/",
            roads = $"s3a://{bucket}/roads.csv";
        string scored = $"s3a://{bucket}/run 1/s1/",
            counted = $"s3a://{bucket}/run 1/s2";
        string[] sample = ["--batch-date", Desk.Day, "--trips", "4", "--segments", "200"];
        await SubmitAsync(0, "sample/main.py", [.. sample, "--output", raw, "--roads-output", roads]);
        await PutAsync(s3, "run 1/s1/part-00099-of-a-killed-driver.snappy.parquet", "not parquet");
        await PutAsync(s3, "run 1/s1-next/part-0000", "somebody else's");

        await SubmitAsync(0, "stage1/main.py", "--batch-date", Desk.Day, "--input", raw, "--output", scored);
        await SubmitAsync(0, "stage2/main.py", "--batch-date", Desk.Day, "--input", scored, "--roads", roads, "--output", counted);

        await SubmitAsync(0, "sample/main.py", [.. sample, "--output", desk.Raw, "--roads-output", desk.Roads]);
        await desk.ScoreAsync();
        await desk.CountAsync();
        string onDisk = await File.ReadAllTextAsync(Path.Combine(desk.Stage2, "_export", "segments.csv"));
        using StreamReader export = new((await s3.GetObjectAsync(bucket, "run 1/s2/_export/segments.csv")).ResponseStream);
        Assert.Equal(onDisk, await export.ReadToEndAsync());
        Assert.True(onDisk.Count(letter => letter == '\n') > 50);
        List<S3Object> objects = (
            await s3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = bucket, Prefix = "run 1/s1" })
        ).S3Objects;
        Assert.Equal(
            ["-next/part", "/_SUCCESS", "/_metrics.", "/part-0000"],
            objects.Select(found => found.Key[8..Math.Min(18, found.Key.Length)]).Order(StringComparer.Ordinal)
        );
    }

    [SparkFact]
    public async Task Input_that_may_not_be_read_is_an_error_and_an_empty_prefix_is_no_input()
    {
        using AmazonS3Client s3 = await BucketAsync();
        string[] words = ["--batch-date", Desk.Day, "--input", $"s3a://{bucket}/raw/", "--output", $"s3a://{bucket}/out/"];

        Ran empty = await SubmitAsync(3, "stage1/main.py", words);
        await sandbox.FaultAsync("s3", "ListObjectsV2", "denied", times: -1);
        Ran denied = await SubmitAsync(1, "stage1/main.py", words);
        await sandbox.ClearFaultsAsync();

        Assert.Equal($"stage1: error: no non-empty Parquet file in s3a://{bucket}/raw/", empty.Reason);
        Assert.Contains("AccessDenied", denied.Reason, StringComparison.Ordinal);
    }

    [SparkFact]
    public async Task A_cluster_counts_the_workers_that_run_and_its_driver_ends_with_its_machine()
    {
        SandboxCluster cluster = await sandbox.CreateClusterAsync();
        using Amazon.EC2.AmazonEC2Client ec2 = sandbox.Ec2();
        using AmazonSimpleSystemsManagementClient ssm = sandbox.Ssm();
        string master = cluster.Master.Id,
            absent = cluster.Workers[1].Id;
        await ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [master, cluster.Workers[0].Id] });
        await Eventually.HoldsAsync(async () =>
            (await sandbox.StatesAsync())[cluster.Workers[0].Id] == "running" && (await sandbox.StatesAsync())[master] == "running"
        );

        string hosts = $"{cluster.Workers[0].PrivateIp} {cluster.Workers[1].PrivateIp}";
        string said = await TellAsync(ssm, master, $"printf '%s\\n' {hosts} >$SPARK_HOME/conf/workers; $SPARK_HOME/sbin/start-all.sh 2>&1");
        Assert.Contains($"connect to host {cluster.Workers[1].PrivateIp} port 22: No route to host", said, StringComparison.Ordinal);
        Assert.Equal((1, 1), await WorkersAsync(ssm, master));

        await ec2.StartInstancesAsync(new StartInstancesRequest { InstanceIds = [absent] });
        await Eventually.HoldsAsync(async () => (await sandbox.StatesAsync())[absent] == "running");
        await TellAsync(ssm, master, "$SPARK_HOME/sbin/start-all.sh");
        Assert.Equal((2, 2), await WorkersAsync(ssm, master));
        await ec2.StopInstancesAsync(new StopInstancesRequest { InstanceIds = [absent] });
        await Eventually.HoldsAsync(async () => (await sandbox.StatesAsync())[absent] == "stopped");
        Assert.Equal((1, 2), await WorkersAsync(ssm, master));

        string program = desk.At("endless.py"),
            began = desk.At("began");
        await File.WriteAllTextAsync(program, $"import os, time\nopen('{began}', 'w').write(str(os.getpid()))\ntime.sleep(600)\n");
        await TellAsync(
            ssm,
            master,
            $"setsid $SPARK_HOME/bin/spark-submit --master spark://{cluster.Master.PrivateIp}:7077 {program} >/dev/null 2>&1 &"
        );
        await Eventually.HoldsAsync(() => Task.FromResult(File.Exists(began) && new FileInfo(began).Length > 0));
        string driver = $"/proc/{await File.ReadAllTextAsync(began)}";
        Assert.True(Directory.Exists(driver));
        await sandbox.MachineAsync(master, "crash");
        await Eventually.HoldsAsync(() =>
            Task.FromResult(!Directory.Exists(driver) || File.ReadAllText(driver + "/stat").Contains(") Z", StringComparison.Ordinal))
        );
    }

    private async Task<AmazonS3Client> BucketAsync()
    {
        AmazonS3Client s3 = sandbox.S3();
        await s3.PutBucketAsync(new PutBucketRequest { BucketName = bucket, BucketRegionName = sandbox.Region });
        return s3;
    }

    private Task PutAsync(AmazonS3Client s3, string key, string content) =>
        s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = bucket,
                Key = key,
                ContentBody = content,
            }
        );

    private async Task<Ran> SubmitAsync(int exitCode, string program, params string[] arguments)
    {
        Ran ran = await SparkStandIn.RunAsync(
            Path.Combine(SparkStandIn.Home, "bin", "spark-submit"),
            ["--master", "local[*]", Path.Combine(SparkStandIn.Jobs, program), .. arguments],
            sandbox.Environment
        );
        Assert.True(ran.ExitCode == exitCode, ran.Error);
        return ran;
    }

    // Alive and known workers, as the master itself counts them.
    private static async Task<(int Alive, int Known)> WorkersAsync(AmazonSimpleSystemsManagementClient ssm, string master)
    {
        const string Get =
            "from urllib.request import urlopen; import os; url = 'http://127.0.0.1:' + os.environ['SPARK_MASTER_WEBUI_PORT'] + '/json/'";
        string json = await TellAsync(ssm, master, $"python3 -c \"{Get}; print(urlopen(url).read().decode())\"");
        JsonElement state = JsonDocument.Parse(json).RootElement;
        return (state.GetProperty("aliveworkers").GetInt32(), state.GetProperty("workers").GetArrayLength());
    }

    private static async Task<string> TellAsync(AmazonSimpleSystemsManagementClient ssm, string machine, string script)
    {
        SendCommandResponse sent = await ssm.SendCommandAsync(
            new SendCommandRequest
            {
                DocumentName = "AWS-RunShellScript",
                InstanceIds = [machine],
                Parameters = new Dictionary<string, List<string>> { ["commands"] = [script] },
            }
        );
        GetCommandInvocationResponse? now = null;
        await Eventually.HoldsAsync(async () =>
        {
            now = await ssm.GetCommandInvocationAsync(
                new GetCommandInvocationRequest { CommandId = sent.Command.CommandId, InstanceId = machine }
            );
            return now.Status != CommandInvocationStatus.Pending && now.Status != CommandInvocationStatus.InProgress;
        });
        Assert.True(now!.Status == CommandInvocationStatus.Success, $"{now.Status}: {now.StandardErrorContent}");
        return now.StandardOutputContent;
    }
}
