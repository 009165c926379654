using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Amazon.S3;
using Amazon.S3.Model;
using Durable.Activities.Operations;
using Durable.Activities.Pothole;
using Durable.Host.Functions;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Operations.Schema;
using Durable.Orchestrations.Pothole;
using Durable.Pipelines.Pothole;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Engine;
using Microsoft.DurableTask;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Durable.Tests.Orchestrations;

/// <summary>A step that is held up.</summary>
/// <param name="GoOn">When this is set, it goes on.</param>
/// <param name="Ended">Completes when it has ended, one way or the other.</param>
internal sealed record HeldStep(TaskCompletionSource GoOn, Task Ended);

/// <summary>The pothole pipeline with its own activities on the AWS sandbox, and a hub whose timers run sixty times as fast. Any step can
/// be held up or broken.</summary>
internal sealed class PotholeWorld : IAsyncDisposable, IFunctionRuntime
{
    public const string Date = "2026-02-12",
        Bucket = "pothole-tests";

    private const int Speed = 60;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(25);
    private static readonly HubSettings Quiet = new()
    {
        HubName = "TestHub",
        ExtendedSessions = true,
        LeaseTime = TimeSpan.FromMinutes(30),
        RenewEvery = TimeSpan.FromMinutes(20),
        IdleTimeout = TimeSpan.FromHours(10),
    };

    private readonly ServiceProvider services;
    private readonly FunctionRuntime functions;
    private readonly CancellationTokenSource ending = new();
    private Task lapse = Task.CompletedTask;

    private PotholeWorld(AwsSandbox sandbox, SandboxCluster cluster, string connection, IReadOnlyDictionary<string, string> settings)
    {
        (Sandbox, Cluster, Connection, Settings) = (sandbox, cluster, connection, settings);
        services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<IConfiguration>(
                new ConfigurationBuilder()
                    .AddInMemoryCollection(
                        settings.Select(s => KeyValuePair.Create(s.Key.Replace("__", ":", StringComparison.Ordinal), (string?)s.Value))
                    )
                    .Build()
            )
            .AddSingleton<Amazon.EC2.IAmazonEC2>(sandbox.Ec2())
            .AddSingleton<Amazon.SimpleSystemsManagement.IAmazonSimpleSystemsManagement>(sandbox.Ssm())
            .AddSingleton<IAmazonS3>(sandbox.S3())
            .AddSingleton<Amazon.Pricing.IAmazonPricing>(sandbox.Pricing())
            .AddPothole()
            .AddFunctionModel(
                FunctionCatalog.FromTypes(
                    typeof(PotholePipeline)
                        .Assembly.GetTypes()
                        .Where(type =>
                            type.Namespace
                                is "Durable.Orchestrations.Pothole"
                                    or "Durable.Activities.Pothole"
                                    or "Durable.Activities.Operations"
                        )
                ),
                new FunctionPipeline([])
            )
            .BuildServiceProvider();
        functions = services.GetRequiredService<FunctionRuntime>();
    }

    public AwsSandbox Sandbox { get; }

    public SandboxCluster Cluster { get; }

    public string Connection { get; }

    /// <summary>Settings of the app, as a process would have them in its environment.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; }

    public TestEngine Engine { get; private set; } = null!;

    /// <summary>Runs before a step takes effect; the step's name.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs when a step has ended, one way or the other.</summary>
    public Action<string> After { get; set; } = _ => { };

    public ConcurrentQueue<string> Taken { get; } = [];

    public string InstanceId => PotholeRequest.IdOf(Date);

    public IReadOnlyList<string> OrchestratorNames => functions.OrchestratorNames;

    public IReadOnlyList<string> ActivityNames => functions.ActivityNames;

    /// <summary>A world with a stopped cluster of its own, a day of input, and stages that write what real ones would, in little
    /// time.</summary>
    /// <param name="input">False: the day has no data.</param>
    public static async Task<PotholeWorld> CreateAsync(
        AwsSandbox sandbox,
        bool input = true,
        string? connection = null,
        bool engine = true,
        IReadOnlyDictionary<string, string>? more = null
    )
    {
        await sandbox.ResetAsync();
        await sandbox.CreateBucketAsync(Bucket);
        using (AmazonS3Client s3 = sandbox.S3())
        {
            if (input)
                await s3.PutObjectAsync(
                    new PutObjectRequest
                    {
                        BucketName = Bucket,
                        Key = $"raw-sensor-data/dt={Date}/part-0.parquet",
                        ContentBody = "PAR1",
                    }
                );
        }

        SandboxCluster cluster = await sandbox.CreateClusterAsync(workers: 2);
        bool prepared = connection is null;
        connection ??= await PostgresServer.CreateAppDatabaseAsync();
        PotholeWorld world = new(
            sandbox,
            cluster,
            connection,
            new Dictionary<string, string>(sandbox.Environment)
            {
                ["PostgresConnection"] = connection,
                ["Pothole__Bucket"] = Bucket,
                ["Pothole__MasterInstanceId"] = cluster.Master.Id,
                ["Pothole__WorkerInstanceIds"] = string.Join(',', cluster.Workers.Select(w => w.Id)),
                ["Pothole__JobsDirectory"] = Path.Combine(SparkStandIn.Root, "tests", "Orchestrations", "Jobs"),
            }
                .Concat(more ?? new Dictionary<string, string>())
                .GroupBy(s => s.Key)
                .ToDictionary(s => s.Key, s => s.Last().Value)
        );
        if (!prepared)
            await AppSchema.ApplyAsync(world.services.GetRequiredService<NpgsqlDataSource>());
        if (engine)
        {
            world.Engine = await TestEngine.StartAsync(world, connection, Quiet);
            world.lapse = world.LapseAsync();
        }

        return world;
    }

    public bool HasOrchestrator(string name) => functions.HasOrchestrator(name);

    public bool HasActivity(string name) => functions.HasActivity(name);

    public Task<object?> InvokeOrchestratorAsync(string name, TaskOrchestrationContext context, string? input) =>
        functions.InvokeOrchestratorAsync(name, context, input);

    public async Task<string?> InvokeActivityAsync(ActivityCall call, CancellationToken cancellation)
    {
        string step = StepOf(call);
        Taken.Enqueue(step);
        await Before(step);
        try
        {
            return await functions.InvokeActivityAsync(call, cancellation);
        }
        finally
        {
            After(step);
        }
    }

    /// <summary>Starts the run and waits until it stands in <paramref name="step"/>.</summary>
    public async Task<HeldStep> StartUntilAsync(string step)
    {
        TaskCompletionSource there = New(),
            goOn = New(),
            ended = New();
        Before = taken =>
        {
            if (taken != step)
                return Task.CompletedTask;
            there.TrySetResult();
            return goOn.Task;
        };
        After = taken =>
        {
            if (taken == step)
                ended.TrySetResult();
        };
        await StartAsync();
        await there.Task.WaitAsync(TimeSpan.FromSeconds(60));
        return new HeldStep(goOn, ended.Task);

        static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public Task<string> StartAsync(bool force = false) =>
        Engine.ScheduleAsync(nameof(PotholePipeline), new PotholeRequest(Date, force), InstanceId);

    public Task<InstanceRecord> EndAsync() => Engine.EndAsync(InstanceId, 120);

    public async Task<InstanceRecord> RunAsync(bool force = false)
    {
        await StartAsync(force);
        return await EndAsync();
    }

    public Task<SendOutcome> TerminateAsync() => Engine.TellAsync(InstanceId, EventKind.ExecutionTerminated, "test");

    /// <summary>What the reaper's timer does, once.</summary>
    public async Task ReapAsync()
    {
        await services.GetRequiredService<LeaseReaper>().ReapAsync(EndOfAsync);
        await services.GetRequiredService<RunLedger>().CloseEndedAsync(EndOfAsync);
    }

    /// <summary>Reaps until every machine is off; a few rounds, as a few intervals would.</summary>
    public async Task ReapUntilOffAsync()
    {
        await Eventually.HoldsAsync(
            async () =>
            {
                await ReapAsync();
                return (await Sandbox.StatesAsync()).Values.All(state => state is "stopped" or "terminated")
                    && await ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed'") == 0;
            },
            async () => "machines stay on: " + string.Join(", ", await Sandbox.StatesAsync())
        );
    }

    /// <summary>What must hold however a run ended: all is off, the ledger says so, and no path was written by two drivers.</summary>
    /// <param name="state">State of the run in the ledger; null: it never got that far.</param>
    public async Task HoldsAsync(string? state)
    {
        Assert.All((await Sandbox.StatesAsync()).Values, machine => Assert.True(machine is "stopped" or "terminated", machine));
        Assert.Equal(0L, await ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed'"));
        Assert.Equal(
            0L,
            await ScalarAsync<long>("SELECT count(*) FROM operations.leased_machines WHERE on_since IS NOT NULL AND seconds_billed < 60")
        );
        Assert.Equal(state, await ScalarAsync<string>("SELECT max(state) FROM operations.runs"));
        await OneDriverAPathAsync();
    }

    /// <summary>Every object of an attempt was written once.</summary>
    public async Task OneDriverAPathAsync()
    {
        string[] keys =
        [
            .. (await Sandbox.CallsAsync("s3", "PutObject"))
                .Select(call => JsonDocument.Parse(call.Parameters).RootElement.GetProperty("Key").GetString()!)
                .Where(key => key.StartsWith("pothole-runs/", StringComparison.Ordinal)),
        ];
        Assert.Empty(keys.GroupBy(key => key).Where(key => key.Count() > 1).Select(key => $"{key.Key} × {key.Count()}"));
    }

    /// <summary>How the stand-in treats a program: <c>[{"match": "stage1", "delaySeconds": 3600, "exitCode": 1}]</c>.</summary>
    public Task SparkDoesAsync(string json) =>
        File.WriteAllTextAsync(Path.Combine(Sandbox.FolderOf(Cluster.Master.Id), "spark", "conf", "stand-in.json"), json);

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using NpgsqlCommand command = services.GetRequiredService<NpgsqlDataSource>().CreateCommand(sql);
        object? value = await command.ExecuteScalarAsync();
        return value is null or DBNull ? default! : (T)value;
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await lapse;
        if (Engine is not null)
            await Engine.DisposeAsync();
        await services.DisposeAsync();
    }

    /// <summary>A step by name: the activity, with the job or the stage it is about.</summary>
    private static string StepOf(ActivityCall call)
    {
        JsonElement input = JsonSerializer.Deserialize<JsonElement>(call.Input ?? "null");
        return call.Name switch
        {
            nameof(StartRemoteJob) => "start:" + JobOf(input.GetProperty("Command").GetProperty("JobId").GetString()!),
            nameof(PollRemoteJob) => "poll:" + JobOf(input.GetProperty("JobId").GetString()!),
            nameof(KillRemoteJob) => "kill:" + JobOf(input.GetProperty("JobId").GetString()!),
            nameof(PublishStage) => "publish:" + input.GetProperty("Stage").GetProperty("Name").GetString(),
            _ => call.Name,
        };

        static string JobOf(string id) => id[(id.LastIndexOf('.') + 1)..id.LastIndexOf('-')];
    }

    private async Task<string?> EndOfAsync(string instanceId, CancellationToken cancellationToken) =>
        await Engine.Hub.GetAsync(instanceId, false, cancellationToken) is not { } run ? "absent"
        : run.CompletedAt is null ? null
        : run.Status.ToString();

    private async Task LapseAsync()
    {
        DateTime start = Engine.Clock.UtcNow;
        Stopwatch watch = Stopwatch.StartNew();
        while (!ending.IsCancellationRequested)
        {
            await Task.Delay(Tick);
            Engine.Clock.Set(start + (watch.Elapsed * Speed));
        }
    }
}
