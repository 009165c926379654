using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Pothole;

/// <summary>The stages on s3a:// paths and a master whose workers are EC2 instances, against a bare moto.</summary>
public sealed class S3Tests(S3Tests.Moto moto) : IClassFixture<S3Tests.Moto>, IDisposable
{
    private const string Bucket = "s3a://pothole-test";
    private const string MakeBucket = "s3.create_bucket(Bucket='pothole-test', CreateBucketConfiguration={'LocationConstraint': 'ap-northeast-2'})";

    private readonly Desk _desk = new();
    private readonly int _masterPort = FreePort();

    private Dictionary<string, string> Aws => new()
    {
        ["AWS_ENDPOINT_URL"] = $"http://127.0.0.1:{moto.Port}", ["AWS_REGION"] = "ap-northeast-2", ["AWS_DEFAULT_REGION"] = "ap-northeast-2",
        ["AWS_ACCESS_KEY_ID"] = "test", ["AWS_SECRET_ACCESS_KEY"] = "test", ["SPARK_HOME"] = _desk.At("home"), ["SPARK_MASTER_WEBUI_PORT"] = $"{_masterPort}",
    };

    public void Dispose() => _desk.Dispose();

    [MotoFact]
    public async Task The_stages_leave_the_same_export_on_S3_as_on_a_disk_and_replace_what_a_killed_driver_left()
    {
        await BotoAsync(MakeBucket);
        string[] sample = ["--batch-date", Desk.Day, "--trips", "4", "--segments", "200"];
        await SubmitAsync(0, "sample/main.py", [.. sample, "--output", $"{Bucket}/raw/dt={Desk.Day}/", "--roads-output", $"{Bucket}/roads.csv"]);
        await BotoAsync(
            $"s3.put_object(Bucket='pothole-test', Key='run 1/s1/dt={Desk.Day}/part-00099-of-a-killed-driver.snappy.parquet', Body=b'not parquet')",
            $"s3.put_object(Bucket='pothole-test', Key='run 1/s1/dt={Desk.Day}-next/kept', Body=b'')");
        string raw = $"{Bucket}/raw/dt={Desk.Day}/", scored = $"{Bucket}/run 1/s1/dt={Desk.Day}/", counted = $"{Bucket}/run 1/s2/dt={Desk.Day}";
        await SubmitAsync(0, "stage1/main.py", "--batch-date", Desk.Day, "--input", raw, "--output", scored);
        await SubmitAsync(0, "stage2/main.py", "--batch-date", Desk.Day, "--input", scored, "--roads", $"{Bucket}/roads.csv", "--output", counted);

        await SubmitAsync(0, "sample/main.py", [.. sample, "--output", _desk.Raw, "--roads-output", _desk.Roads]);
        await _desk.ScoreAsync();
        await _desk.CountAsync();

        string local = await File.ReadAllTextAsync(Path.Combine(_desk.Stage2, "_export", "segments.csv"));
        string remote = await BotoAsync(
            $"print(s3.get_object(Bucket='pothole-test', Key='run 1/s2/dt={Desk.Day}/_export/segments.csv')['Body'].read().decode(), end='')");
        Assert.Equal(local, remote);
        Assert.True(local.Count(letter => letter == '\n') > 50);
        string names = await BotoAsync("print(*sorted(o['Key'][22:32] for o in s3.list_objects_v2(Bucket='pothole-test', Prefix='run 1/s1/')['Contents']))");
        Assert.Equal("-next/kept /_SUCCESS /_metrics. /part-0000", names.Trim());
    }

    [MotoFact]
    public async Task A_bucket_that_cannot_be_read_is_an_error_and_an_empty_prefix_is_no_input()
    {
        await BotoAsync(MakeBucket.Replace("pothole-test", "pothole-empty", StringComparison.Ordinal));
        string[] rest = ["--batch-date", Desk.Day, "--output", "s3a://pothole-empty/out/"];

        Ran error = await SubmitAsync(1, "stage1/main.py", [.. rest, "--input", "s3a://no-such-bucket/raw/"]);
        Ran empty = await SubmitAsync(3, "stage1/main.py", [.. rest, "--input", "s3a://pothole-empty/raw/"]);

        Assert.Contains("NoSuchBucket", error.Reason, StringComparison.Ordinal);
        Assert.Equal("stage1: error: no non-empty Parquet file in s3a://pothole-empty/raw/", empty.Reason);
    }

    [MotoFact]
    public async Task A_worker_is_alive_while_the_machine_it_was_started_on_runs_and_no_longer()
    {
        string[] machines = JsonSerializer.Deserialize<string[]>(await BotoAsync(
            "import json",
            "found = ec2.run_instances(ImageId='ami-12c6146b', MinCount=2, MaxCount=2)['Instances']",
            "print(json.dumps([i[k] for i in found for k in ('InstanceId', 'PrivateIpAddress')]))"))!;
        await SparkStandIn.RunAsync(Path.Combine(SparkStandIn.Home, "install.sh"), [_desk.At("home")]);
        await File.WriteAllTextAsync(_desk.At("home/conf/workers"), $"{machines[1]}\n{machines[3]}\n10.254.254.254\n");

        string said = await ClusterAsync("start-all.sh");
        try
        {
            Assert.Contains("connect to host 10.254.254.254 port 22: No route to host", said, StringComparison.Ordinal);
            Assert.Equal(["ALIVE", "ALIVE"], await WorkersAsync());

            await BotoAsync($"ec2.stop_instances(InstanceIds=['{machines[0]}'])");
            Assert.Equal(["ALIVE", "DEAD"], await WorkersAsync());
        }
        finally
        {
            await ClusterAsync("stop-all.sh");
        }
    }

    private async Task<string[]> WorkersAsync()
    {
        using HttpClient client = new();
        JsonElement master = JsonDocument.Parse(await client.GetStringAsync($"http://127.0.0.1:{_masterPort}/json/")).RootElement;
        string[] states =
            [.. from worker in master.GetProperty("workers").EnumerateArray() let state = worker.GetProperty("state").GetString() orderby state select state];
        Assert.Equal(states.Count(state => state == "ALIVE"), master.GetProperty("aliveworkers").GetInt32());
        return states;
    }

    private async Task<string> ClusterAsync(string script)
    {
        // The master keeps what it inherits: to a file, or reading to the end would wait for it.
        Ran ran = await SparkStandIn.RunAsync("sh", ["-c", $"'{_desk.At("home")}/sbin/{script}' >'{_desk.At("said")}' 2>&1; cat '{_desk.At("said")}'"], Aws);
        return ran.Output;
    }

    private async Task<Ran> SubmitAsync(int exitCode, string program, params string[] arguments)
    {
        Ran ran = await SparkStandIn.RunAsync(
            Path.Combine(SparkStandIn.Home, "bin", "spark-submit"), ["--master", "local[*]", Path.Combine(SparkStandIn.Jobs, program), .. arguments], Aws);
        Assert.True(ran.ExitCode == exitCode, ran.Error);
        return ran;
    }

    private async Task<string> BotoAsync(params string[] statements)
    {
        string program = $"""
            import boto3, socket, time
            for _ in range(200):
                try:
                    socket.create_connection(('127.0.0.1', {moto.Port})).close()
                    break
                except OSError:
                    time.sleep(0.1)
            s3, ec2 = (boto3.client(name, endpoint_url='http://127.0.0.1:{moto.Port}') for name in ('s3', 'ec2'))
            {string.Join('\n', statements)}
            """;
        Ran ran = await SparkStandIn.RunAsync("python3", ["-c", program], Aws);
        Assert.True(ran.ExitCode == 0, ran.Error);
        return ran.Output;
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>One moto for these tests, started with the first of them.</summary>
    public sealed class Moto : IDisposable
    {
        private readonly Lazy<Process> _server;
        private int _port;

        public Moto() => _server = new(() =>
        {
            int port = FreePort();
            Process server = SparkStandIn.Start("sh", ["-c", $"exec python3 -m moto.server -H 127.0.0.1 -p {port} >/dev/null 2>&1"]);
            _port = port;
            return server;
        });

        public int Port => _server.Value.HasExited ? throw new InvalidOperationException("moto ended.") : _port;

        public void Dispose()
        {
            if (!_server.IsValueCreated) return;
            _server.Value.Kill(entireProcessTree: true);
            _server.Value.WaitForExit();
            _server.Value.Dispose();
        }
    }
}

/// <summary>As <see cref="SparkFactAttribute"/>, and skipped without moto.</summary>
public sealed class MotoFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> HasMoto =
        new(() => SparkStandIn.RunAsync("python3", ["-c", "import moto.server"]).GetAwaiter().GetResult().ExitCode == 0);

    public MotoFactAttribute() => Skip = SparkStandIn.Missing is { } missing ? $"needs {missing}" : HasMoto.Value ? null : "needs Python's moto[server]";
}
