using System.Net;
using Amazon.EC2;
using Amazon.Pricing;
using Amazon.Runtime;
using Amazon.SecurityToken;
using Amazon.SecurityToken.Model;
using Durable.Activities.Spot;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Sinks;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Durable.Tests.Fixtures;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>The steps of a slot on the AWS sandbox, with a bucket in memory and a clock that is set. Any step can be broken before or after
/// it took effect.</summary>
internal sealed class SpotWorld : IAsyncDisposable
{
    private const string Advisor = """
        {"spot_advisor": {"eu-north-1": {"Linux": {"t3.micro": {"r": 0, "s": 70}, "m5.large": {"r": 2, "s": 60}}}, "us-west-1": {"Linux": {"t3.micro": {"r": 4, "s": 10}, "m5.large": {"r": 1, "s": 50}}}}}
        """;

    private readonly ServiceProvider services;

    private SpotWorld(AwsSandbox sandbox, string connection, SpotOptions options)
    {
        Options = options;
        services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<IConfiguration>(
                new ConfigurationBuilder()
                    .AddInMemoryCollection(new Dictionary<string, string?> { ["PostgresConnection"] = connection })
                    .Build()
            )
            .AddSingleton<TimeProvider>(Clock)
            .AddSingleton(options)
            .AddSingleton<SpotBucket>(Bucket)
            .AddSingleton<IAmazonPricing>(sandbox.Pricing())
            .AddSingleton<ISpotAccounts>(new SandboxAccounts(sandbox))
            .AddSingleton<ISpotSink>(Sink)
            .AddSingleton(provider => new AdvisorCollector(
                new HttpClient(new Answers(this)),
                options,
                provider.GetRequiredService<Patience>()
            ))
            .AddSpot()
            .BuildServiceProvider();
    }

    public static SpotOptions Small =>
        new()
        {
            Bucket = "memory",
            Regions = "eu-north-1,us-west-1",
            InstanceTypes = "t3.micro,m5.large",
            QueriesPerPart = 1,
            MaxRemovedShare = 1,
            Accounts = "default,111111111111,222222222222",
        };

    public SpotOptions Options { get; }

    public MovableClock Clock { get; } = new();

    public MemoryBucket Bucket { get; } = new();

    public RecordingSink Sink { get; } = new();

    /// <summary>What the Spot Advisor answers.</summary>
    public Func<HttpResponseMessage> AdvisorAnswers { get; set; } =
        () => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(Advisor) };

    /// <summary>Runs around each step: its name and whether it has taken effect.</summary>
    public Action<string, bool> Around { get; set; } = (_, _) => { };

    public static async Task<SpotWorld> CreateAsync(AwsSandbox sandbox, SpotOptions? options = null, double configurations = 1000)
    {
        await sandbox.ResetAsync();
        await sandbox.SetAsync("placementConfigurations", configurations);
        SpotWorld world = new(sandbox, await PostgresServer.CreateAppDatabaseAsync(), options ?? Small);
        SlotTime now = SlotTime.Of(DateTime.UtcNow); // the sandbox has prices up to now only
        if (now.Plus(3).Day != now.Day)
            now = now.Plus(-6); // the slots after it are of its day
        world.Clock.Set(now.Utc.AddSeconds(5));
        return world;
    }

    public T Get<T>()
        where T : notnull => services.GetRequiredService<T>();

    public SlotTime Now => SlotTime.Of(Clock.GetUtcNow().UtcDateTime);

    /// <summary>What SpotSlot does, without an engine: each step in its order, once.</summary>
    public async Task<SlotResult> RunAsync(SlotTime slot, string attempt = "1")
    {
        SlotRun run = new($"{slot.InstanceId}/{attempt}", slot.InstanceId, new SlotRequest(slot.Text));
        SlotWork work;
        try
        {
            work = await StepAsync(nameof(BeginSlot), () => Make<BeginSlot>().RunAsync(run, default));
        }
        catch (WorkloadMissingException)
        {
            await StepAsync(
                nameof(PackWorkload),
                () => Make<PackWorkload>().RunAsync(new WorkloadRun("w/" + attempt, "w", new WorkloadRequest(slot.Text[..10])), default)
            );
            work = await StepAsync(nameof(BeginSlot), () => Make<BeginSlot>().RunAsync(run, default));
        }

        if (work.IsPresent)
            return await Make<CommitSlot>().RunAsync(slot.Text, default) with { State = SlotEnding.Present };
        foreach (ScorePart part in work.Parts)
            await StepAsync(
                $"{nameof(CollectScores)} {part.Number}",
                () =>
                    Make<CollectScores>()
                        .RunAsync(new ScoreOrder(work.Slot, work.Capacity, work.WorkloadDay, part, work.DeadlineUtc), default)
            );
        if (work.Parts.Count > 0)
            await StepAsync(nameof(SealScores), () => Make<SealScores>().RunAsync(work, default));
        if (work.NeedsInterruptions)
            await StepAsync(nameof(CollectInterruptions), () => Make<CollectInterruptions>().RunAsync(work, default));
        if (work.NeedsSpotPrices)
            await StepAsync(nameof(CollectSpotPrices), () => Make<CollectSpotPrices>().RunAsync(work, default));
        if (work.NeedsOnDemandPrices)
            await StepAsync(nameof(CollectOnDemandPrices), () => Make<CollectOnDemandPrices>().RunAsync(work, default));
        Staged staged = await StageAsync();
        while (staged.WaitsFor is { } other)
        {
            await CommitAsync(other);
            staged = await StageAsync();
        }

        SlotResult result = await CommitAsync(work.Slot) with { Sources = staged.Sources };
        await StepAsync(nameof(PublishLatest), () => Make<PublishLatest>().RunAsync(work.Slot, default));
        await StepAsync(
            nameof(FinishSlot),
            async () =>
            {
                await Make<FinishSlot>().RunAsync(new SlotEnd(run, result, work.UsesOldWorkload ? work.WorkloadDay : null, null), default);
                return 0;
            }
        );
        return result;

        Task<Staged> StageAsync() => StepAsync(nameof(StageSlot), () => Make<StageSlot>().RunAsync(new StageOrder(run, work), default));

        async Task<SlotResult> CommitAsync(string text)
        {
            await StepAsync(nameof(SendDelta), () => Make<SendDelta>().RunAsync(text, default));
            return await StepAsync(nameof(CommitSlot), () => Make<CommitSlot>().RunAsync(text, default));
        }
    }

    public T Make<T>() => ActivatorUtilities.CreateInstance<T>(services);

    /// <summary>What readers see, with times as numbers of slots after the first.</summary>
    public async Task<string> DumpAsync()
    {
        await using NpgsqlCommand command = Get<NpgsqlDataSource>()
            .CreateCommand(
                """
                SELECT concat(
                    (SELECT string_agg(format('%s %s %s %s %s %s %s %s %s', at, instance_type, zone, score, t3, t2, spot_price,
                        on_demand_price, ceased), E'\n' ORDER BY at, instance_type, zone) FROM spot.spot_changes
                        JOIN spot.market_keys USING (key_id)),
                    (SELECT string_agg(format('%s %s %s %s %s', instance_type, zone, score, t3, since), E'\n'
                        ORDER BY instance_type, zone) FROM spot.spot_latest JOIN spot.market_keys USING (key_id)),
                    (SELECT format('%s %s %s', capacity_index, account_index, latest_slot) FROM spot.rotation),
                    (SELECT string_agg(format('%s %s', configuration, account), E'\n' ORDER BY configuration) FROM spot.quota_ledger),
                    (SELECT string_agg(format('%s %s %s %s %s', slot, state, rows, changed, removed), E'\n' ORDER BY slot) FROM spot.slots))
                """
            );
        return (string)(await command.ExecuteScalarAsync())!;
    }

    public ValueTask DisposeAsync() => services.DisposeAsync();

    private async Task<T> StepAsync<T>(string step, Func<Task<T>> run)
    {
        Around(step, false);
        T result = await run();
        Around(step, true);
        return result;
    }

    private sealed class Answers(SpotWorld world) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(world.AdvisorAnswers());
    }

    /// <summary>Accounts of the sandbox: the default one, and any other by a role in it.</summary>
    private sealed class SandboxAccounts(AwsSandbox sandbox) : ISpotAccounts
    {
        private static readonly BasicAWSCredentials Anybody = new("sandbox", "sandbox");

        private readonly Dictionary<(string, string?), IAmazonEC2> clients = [];

        public IAmazonEC2 Ec2(string account, string? region = null)
        {
            lock (clients)
            {
                if (!clients.TryGetValue((account, region), out IAmazonEC2? client))
                    clients[(account, region)] = client = new AmazonEC2Client(
                        CredentialsOf(account),
                        new AmazonEC2Config
                        {
                            ServiceURL = sandbox.Endpoint,
                            AuthenticationRegion = region ?? sandbox.Region,
                            MaxErrorRetry = 0,
                        }
                    );
                return client;
            }
        }

        private AWSCredentials CredentialsOf(string account)
        {
            if (account == SpotOptions.DefaultAccount)
                return Anybody;
            using AmazonSecurityTokenServiceClient sts = new(
                Anybody,
                new AmazonSecurityTokenServiceConfig { ServiceURL = sandbox.Endpoint, AuthenticationRegion = sandbox.Region }
            );
            return sts.AssumeRoleAsync(new AssumeRoleRequest { RoleArn = $"arn:aws:iam::{account}:role/spot", RoleSessionName = "test" })
                .GetAwaiter()
                .GetResult()
                .Credentials;
        }
    }
}

/// <summary>A settable clock; its timers are the machine's, sped up.</summary>
internal sealed class MovableClock : TimeProvider
{
    private DateTimeOffset now = DateTimeOffset.UtcNow;

    public void Set(DateTime utc) => now = new DateTimeOffset(utc, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime > TimeSpan.Zero)
            now += dueTime;
        return base.CreateTimer(callback, state, dueTime > TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : dueTime, period);
    }
}

/// <summary>A sink that stores records by key and time, as Timestream does.</summary>
internal sealed class RecordingSink : ISpotSink
{
    public Dictionary<(string At, string Key), MarketChange> Records { get; } = [];

    public int Calls { get; private set; }

    public string Name => "recording";

    public bool IsOn => true;

    public Action Before { get; set; } = () => { };

    public Task<int> SendAsync(SlotTime slot, IReadOnlyList<MarketChange> changes, CancellationToken cancellationToken = default)
    {
        Calls++;
        Before();
        foreach (MarketChange change in changes)
            Records[(change.At, $"{change.InstanceType}:{change.Zone}")] = change;
        return Task.FromResult(0);
    }
}
