using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Amazon.EC2;
using Amazon.Pricing;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Amazon.SageMaker;
using Amazon.SimpleSystemsManagement;

namespace Durable.Tests.Fixtures;

/// <summary>An AWS sandbox of its own (Sandbox), reached by the real clients over HTTP. It ends with this object or with this
/// process.</summary>
public sealed class AwsSandbox : IAsyncDisposable, IAsyncLifetime
{
    private static readonly BasicAWSCredentials Anybody = new("sandbox", "sandbox");
    private readonly string folder = Directory.CreateTempSubdirectory("aws-sandbox-").FullName;
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private Process? process;

    /// <summary>Where it answers; what <c>AWS_ENDPOINT_URL</c> is set to.</summary>
    public string Endpoint { get; private set; } = string.Empty;

    /// <summary>Region of its machines.</summary>
    public string Region => "ap-northeast-2";

    /// <summary>What a process of its own needs in its environment to reach it.</summary>
    public IReadOnlyDictionary<string, string> Environment =>
        new Dictionary<string, string>
        {
            ["AWS_ENDPOINT_URL"] = Endpoint,
            ["AWS_REGION"] = Region,
            ["AWS_ACCESS_KEY_ID"] = "sandbox",
            ["AWS_SECRET_ACCESS_KEY"] = "sandbox",
            ["AWS_EC2_METADATA_DISABLED"] = "true",
        };

    /// <summary>Folder of a machine: <c>home</c>, <c>tmp</c> and <c>spark</c>.</summary>
    public string FolderOf(string instanceId) => Path.Combine(folder, "root", "instances", instanceId);

    /// <summary>Starts one.</summary>
    /// <exception cref="InvalidOperationException">It did not start; the message holds what it said.</exception>
    public static async Task<AwsSandbox> StartAsync()
    {
        AwsSandbox sandbox = new();
        await sandbox.InitializeAsync();
        return sandbox;
    }

    /// <inheritdoc />
    public async Task InitializeAsync()
    {
        string ready = Path.Combine(folder, "ready");
        ProcessStartInfo start = new(
            "python3",
            [
                Path.Combine(Source(), "Sandbox", "sandbox.py"),
                "--root",
                Path.Combine(folder, "root"),
                "--ready-file",
                ready,
                "--region",
                Region,
                "--parent",
                System.Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
            ]
        )
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        process = Process.Start(start)!;
        process.BeginOutputReadLine();
        Task<string> said = process.StandardError.ReadToEndAsync();
        for (Stopwatch watch = Stopwatch.StartNew(); !File.Exists(ready); await Task.Delay(50))
        {
            if (process.HasExited || watch.Elapsed > TimeSpan.FromSeconds(60))
            {
                string reason = process.HasExited ? await said : "no answer within 60 s";
                await DisposeAsync();
                throw new InvalidOperationException("The AWS sandbox did not start: " + reason);
            }
        }

        Endpoint = (await File.ReadAllTextAsync(ready)).Trim();
    }

    public AmazonEC2Client Ec2(int retries = 3) => new(Anybody, Configure(new AmazonEC2Config(), retries));

    public AmazonSimpleSystemsManagementClient Ssm(int retries = 3) =>
        new(Anybody, Configure(new AmazonSimpleSystemsManagementConfig(), retries));

    public AmazonSageMakerClient SageMaker(int retries = 3) => new(Anybody, Configure(new AmazonSageMakerConfig(), retries));

    public AmazonPricingClient Pricing(int retries = 3) => new(Anybody, Configure(new AmazonPricingConfig(), retries));

    public AmazonS3Client S3(int retries = 3)
    {
        AmazonS3Config config = Configure(new AmazonS3Config(), retries);
        config.ForcePathStyle = true;
        return new AmazonS3Client(Anybody, config);
    }

    /// <summary>Creates a bucket in the sandbox's region.</summary>
    public async Task CreateBucketAsync(string name)
    {
        using AmazonS3Client s3 = S3();
        await s3.PutBucketAsync(new PutBucketRequest { BucketName = name, BucketRegionName = Region });
    }

    /// <summary>The next calls of an operation meet a fault; kinds in Sandbox/README.md. <paramref name="times"/> -1: until
    /// <see cref="ClearFaultsAsync"/>.</summary>
    public Task FaultAsync(
        string service,
        string operation,
        string kind,
        int times = 1,
        string match = "",
        int skip = 0,
        double seconds = 60
    ) =>
        PostAsync(
            "faults",
            new
            {
                service,
                operation,
                kind,
                times,
                match,
                skip,
                seconds,
            }
        );

    public async Task ClearFaultsAsync() => (await http.DeleteAsync(new Uri(Endpoint + "/sandbox/faults"))).EnsureSuccessStatusCode();

    /// <summary>Settings of Sandbox/README.md, such as <c>startDelaySeconds</c>.</summary>
    public Task SetAsync(string name, double value) => PostAsync("settings", new Dictionary<string, double> { [name] = value });

    /// <summary>A stopped master and stopped workers.</summary>
    public async Task<SandboxCluster> CreateClusterAsync(int workers = 2)
    {
        JsonElement made = await PostAsync("cluster", new { workers });
        return new SandboxCluster(Machine(made.GetProperty("master")), [.. made.GetProperty("workers").EnumerateArray().Select(Machine)]);

        static SandboxMachine Machine(JsonElement json) =>
            new(json.GetProperty("id").GetString()!, json.GetProperty("privateIp").GetString()!);
    }

    /// <summary>State of each machine by id.</summary>
    public async Task<IReadOnlyDictionary<string, string>> StatesAsync() =>
        (await http.GetFromJsonAsync<JsonElement>(new Uri(Endpoint + "/sandbox/")))
            .GetProperty("machines")
            .EnumerateObject()
            .ToDictionary(m => m.Name, m => m.Value.GetString()!);

    /// <summary>Calls made so far, oldest first: operation, parameters as JSON, outcome.</summary>
    public async Task<IReadOnlyList<SandboxCall>> CallsAsync(string? service = null, string? operation = null) =>
        [
            .. (
                await http.GetFromJsonAsync<JsonElement>(
                    new Uri(
                        $"{Endpoint}/sandbox/calls?{(service is null ? "" : "service=" + service)}&{(operation is null ? "" : "operation=" + operation)}"
                    )
                )
            )
                .EnumerateArray()
                .Select(c => new SandboxCall(
                    c.GetProperty("service").GetString()!,
                    c.GetProperty("operation").GetString()!,
                    c.GetProperty("parameters").GetRawText(),
                    c.GetProperty("outcome").GetString()!,
                    DateTime.UnixEpoch.AddSeconds(c.GetProperty("at").GetDouble())
                )),
        ];

    /// <summary>From outside: <c>terminate</c>, <c>crash</c> or <c>release</c> (a hanging stop goes on).</summary>
    public Task MachineAsync(string instanceId, string verb) => PostAsync($"instances/{instanceId}/{verb}", new { });

    /// <summary>Takes the machine of a spot training job away. False: its script does not run (yet).</summary>
    /// <param name="capacityReturns">The job runs again from its beginning; else it waits in vain and ends.</param>
    public async Task<bool> InterruptTrainingAsync(string jobName, bool capacityReturns) =>
        (await PostAsync($"training-jobs/{jobName}/interrupt", new { capacityReturns })).GetProperty("interrupted").GetBoolean();

    /// <summary>Resets everything.</summary>
    public Task ResetAsync() => PostAsync("reset", new { });

    /// <summary>Kills it outright; its watcher ends what ran on its machines.</summary>
    public void Kill()
    {
        process!.Kill();
        process.WaitForExit();
    }

    /// <summary>Ends it and whatever runs on its machines.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref process, null) is { } running)
        {
            if (!running.HasExited)
            {
                using Process kill = Process.Start("kill", ["-TERM", running.Id.ToString(CultureInfo.InvariantCulture)]);
                await kill.WaitForExitAsync();
                await running.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
            }

            running.Dispose();
            http.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    }

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    private async Task<JsonElement> PostAsync(string path, object body)
    {
        using HttpResponseMessage answer = await http.PostAsJsonAsync(new Uri($"{Endpoint}/sandbox/{path}"), body);
        JsonElement json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return answer.IsSuccessStatusCode ? json : throw new InvalidOperationException($"The sandbox refused {path}: {json}");
    }

    private T Configure<T>(T config, int retries)
        where T : ClientConfig
    {
        config.ServiceURL = Endpoint;
        config.AuthenticationRegion = Region;
        config.MaxErrorRetry = retries;
        if (retries == 0)
            config.MaxStaleConnectionRetries = 0;
        return config;
    }

    private static string Source()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Durable.sln")))
                return at.FullName;
        }

        throw new InvalidOperationException("The tests do not run below the folder of Durable.sln.");
    }
}

/// <summary>A cluster of the sandbox.</summary>
public sealed record SandboxCluster(SandboxMachine Master, IReadOnlyList<SandboxMachine> Workers)
{
    /// <summary>Ids, the master's first.</summary>
    public IReadOnlyList<string> Ids => [Master.Id, .. Workers.Select(w => w.Id)];
}

/// <summary>A machine: its id and private address.</summary>
public sealed record SandboxMachine(string Id, string PrivateIp);

/// <summary>A call as the sandbox saw it.</summary>
public sealed record SandboxCall(string Service, string Operation, string Parameters, string Outcome, DateTime At);
