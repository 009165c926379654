using System.Text;
using Amazon.EC2;
using Amazon.SimpleSystemsManagement;
using Durable.Operations.Leases;
using Durable.Operations.Notifications;
using Durable.Operations.Remote;
using Durable.Tests.Fixtures;
using Durable.Tests.Operations.Remote;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Durable.Tests.Operations.Leases;

/// <summary>Leases and remote jobs through the real clients, on the AWS sandbox.</summary>
public sealed class LeasesOnAwsTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>, IAsyncLifetime
{
    private readonly AmazonEC2Client ec2 = sandbox.Ec2();
    private readonly AmazonSimpleSystemsManagementClient ssm = sandbox.Ssm();
    private NpgsqlDataSource database = null!;
    private LeaseKeeper keeper = null!;
    private LeaseReaper reaper = null!;
    private SandboxCluster cluster = null!;

    public async Task InitializeAsync()
    {
        await sandbox.ResetAsync();
        cluster = await sandbox.CreateClusterAsync(workers: 1);
        database = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
        keeper = new LeaseKeeper(database, [new Ec2Machines(ec2)], new CostGuardOptions());
        reaper = new LeaseReaper(database, keeper, new NotificationOutbox(database), NullLogger<LeaseReaper>.Instance);
    }

    public async Task DisposeAsync()
    {
        ec2.Dispose();
        ssm.Dispose();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task A_cluster_is_started_used_by_ssm_stopped_and_proven_off()
    {
        string lease = await RunningAsync();
        RemoteHost host = new(new SsmShell(ssm, TimeProvider.System), new RemoteOptions());
        RemoteTarget master = new(cluster.Master.Id);

        await host.StartAsync(
            master,
            RemoteCommand.Script(
                "args",
                """printf '%s\0' "$@" >"$HOME/seen"; echo "on $INSTANCE_ID"; exit 3""",
                RemoteJobTests.Nasty,
                TimeSpan.FromMinutes(1)
            ),
            default
        );
        RemoteJobState state = await EndAsync(host, master, "args");
        await host.StartAsync(master, RemoteCommand.Script("long", "sleep 300", [], TimeSpan.FromMinutes(10)), default);
        RemoteJobState killed = await host.KillAsync(master, "long", default);
        LeaseReceipt receipt = await StoppedAsync(lease);

        Assert.Equal((3, $"on {cluster.Master.Id}\n"), (state.ExitCode, state.OutputTail));
        Assert.Equal(
            RemoteJobTests.Nasty.SelectMany(text => (byte[])[.. Encoding.UTF8.GetBytes(text), 0]),
            await File.ReadAllBytesAsync(Path.Combine(sandbox.FolderOf(cluster.Master.Id), "home", "seen"))
        );
        Assert.Equal((RemoteJobPhase.Exited, 143), (killed.Phase, killed.ExitCode));
        Assert.Equal(
            cluster.Ids.Select(id => (id, "stopped", true)),
            receipt.Machines.Select(machine => (machine.Id, machine.State, machine.Ours))
        );
        Assert.All(receipt.Machines, machine => Assert.InRange(machine.SecondsBilled, 60, 120));
        Assert.All((await sandbox.StatesAsync()).Values, machine => Assert.Equal("stopped", machine));
    }

    [Fact]
    public async Task A_job_on_a_machine_that_went_down_is_unreachable_and_never_begins_again_under_its_id()
    {
        string lease = await RunningAsync();
        RemoteHost host = new(new SsmShell(ssm, TimeProvider.System), new RemoteOptions { CallTimeout = TimeSpan.FromSeconds(5) });
        RemoteTarget master = new(cluster.Master.Id);
        await host.StartAsync(master, RemoteCommand.Script("driver", "sleep 300", [], TimeSpan.FromMinutes(10)), default);

        await StoppedAsync(lease);
        await Assert.ThrowsAsync<RemoteHostUnreachableException>(() => host.PollAsync(master, "driver", default));
        await RunningAsync("b/1");

        RemoteJobState after = await host.PollAsync(master, "driver", default);
        Assert.True(after is { Phase: RemoteJobPhase.Lost } or { Phase: RemoteJobPhase.Exited, ExitCode: 143 }, $"{after}"); // gone without a word, or by the SIGTERM of the shutdown
        Assert.Equal(
            after,
            await host.StartAsync(master, RemoteCommand.Script("driver", "echo again", [], TimeSpan.FromMinutes(1)), default)
        );
    }

    [Fact]
    public async Task Prices_come_from_the_price_list_else_from_the_settings_and_a_receipt_says_which()
    {
        using Amazon.Pricing.AmazonPricingClient pricing = sandbox.Pricing(retries: 0);
        string type = (await new Ec2Machines(ec2).DescribeAsync([cluster.Master.Id], default))[0].Type;
        decimal listed = (await new Ec2Machines(ec2, pricing).ListPricesAsync([type], default))[type];
        CostGuardOptions guard = new() { HourlyPrices = $"{type}=0.999", HourlyPricesAsOf = "2026-02-01" };

        MachineReceipt byList = await PricedAsync("list/1", new LeaseKeeper(database, [new Ec2Machines(ec2, pricing)], guard));
        await sandbox.FaultAsync("pricing", "GetProducts", "denied", times: -1);
        MachineReceipt bySetting = await PricedAsync("setting/1", new LeaseKeeper(database, [new Ec2Machines(ec2, pricing)], guard));
        await sandbox.ClearFaultsAsync();
        MachineReceipt asked = await PricedAsync(
            "asked/1",
            new LeaseKeeper(
                database,
                [new Ec2Machines(ec2, pricing)],
                new CostGuardOptions { PriceList = CostGuardOptions.Configured, HourlyPrices = "*=0.5" }
            )
        );

        Assert.Equal(listed, byList.HourlyPriceUsd);
        Assert.StartsWith("price list, read 20", byList.PriceSource, StringComparison.Ordinal);
        Assert.Equal((0.999m, "configured, as of 2026-02-01"), (bySetting.HourlyPriceUsd, bySetting.PriceSource));
        Assert.Equal(0.5m, asked.HourlyPriceUsd);

        async Task<MachineReceipt> PricedAsync(string run, LeaseKeeper with)
        {
            ClusterRequest request = new("ec2", "spark", run, [cluster.Master.Id], TimeSpan.FromMinutes(5));
            await with.TakeAsync(new LeaseRequest("i", request));
            return (await with.StopAsync(request.LeaseId, false, LeaseCloser.Run)).Machines[0];
        }
    }

    [Fact]
    public async Task A_stop_that_hangs_at_the_provider_is_forced_by_the_reaper()
    {
        await RunningAsync();
        await sandbox.FaultAsync("ec2", "StopInstances", "hang-stop", times: 1);

        Assert.Equal(new ReaperRound(0, 1), await ReapAsync());
        Assert.Equal(new ReaperRound(0, 1), await ReapAsync());
        await using (
            NpgsqlCommand later = database.CreateCommand(
                "UPDATE operations.machine_leases SET stop_called_at = now() - interval '4 minutes'"
            )
        )
            await later.ExecuteNonQueryAsync();
        await Eventually.HoldsAsync(async () => (await ReapAsync()).Closed > 0, "still on");

        Assert.All((await sandbox.StatesAsync()).Values, machine => Assert.Equal("stopped", machine));
        Assert.Contains("\"Force\"", (await sandbox.CallsAsync("ec2", "StopInstances"))[^1].Parameters, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Without_capacity_nothing_is_billed()
    {
        LeaseTurn turn = await TakeAsync("a/1");
        await sandbox.FaultAsync("ec2", "StartInstances", "insufficient-capacity", times: 10);

        AmazonEC2Exception refused = await Assert.ThrowsAsync<AmazonEC2Exception>(() => keeper.StartAsync(turn.LeaseId));

        Assert.Equal("InsufficientInstanceCapacity", refused.ErrorCode);
        LeaseReceipt receipt = await StoppedAsync(turn.LeaseId);
        Assert.Equal((0L, 0m), (receipt.SecondsBilled, receipt.CostUsd));
    }

    [Fact]
    public async Task A_start_whose_answer_is_lost_is_stopped_and_billed_all_the_same()
    {
        using AmazonEC2Client once = sandbox.Ec2(retries: 0);
        LeaseKeeper impatient = new(database, [new Ec2Machines(once)], new CostGuardOptions());
        LeaseTurn turn = await TakeAsync("a/1");
        await sandbox.FaultAsync("ec2", "StartInstances", "lost-reply", times: 1);
        await Assert.ThrowsAnyAsync<Exception>(() => impatient.StartAsync(turn.LeaseId));

        LeaseReceipt receipt = await StoppedAsync(turn.LeaseId);

        Assert.Equal(120, receipt.SecondsBilled); // two machines, a minute each
        Assert.All((await sandbox.StatesAsync()).Values, machine => Assert.Equal("stopped", machine));
    }

    [Fact]
    public async Task A_machine_that_does_not_exist_refuses_the_lease_by_its_id()
    {
        LeaseRefusedException refused = await Assert.ThrowsAsync<LeaseRefusedException>(() =>
            keeper.TakeAsync(
                new LeaseRequest(
                    "a",
                    new ClusterRequest("ec2", "spark", "a/1", [cluster.Master.Id, "i-0123456789abcdef0"], TimeSpan.FromHours(1))
                )
            )
        );

        Assert.Contains("i-0123456789abcdef0 is absent", refused.Message, StringComparison.Ordinal);
    }

    private Task<LeaseTurn> TakeAsync(string run) =>
        keeper.TakeAsync(
            new LeaseRequest(run.Split('/')[0], new ClusterRequest("ec2", "spark", run, cluster.Ids, TimeSpan.FromMinutes(30)))
        );

    private Task<ReaperRound> ReapAsync() => reaper.ReapAsync((_, _) => Task.FromResult<string?>("Terminated"));

    private async Task<string> RunningAsync(string run = "a/1")
    {
        LeaseTurn turn = await TakeAsync(run);
        await keeper.StartAsync(turn.LeaseId);
        await Eventually.HoldsAsync(
            async () => (await keeper.ListAsync(turn.LeaseId)).Machines.All(machine => machine.IsRunning),
            "not running"
        );
        return turn.LeaseId;
    }

    private async Task<LeaseReceipt> StoppedAsync(string lease)
    {
        LeaseReceipt receipt = null!;
        await Eventually.HoldsAsync(
            async () => (receipt = await keeper.StopAsync(lease, false, LeaseCloser.Run)).Proven,
            () => Task.FromResult(receipt.ToString())
        );
        return receipt;
    }

    private static async Task<RemoteJobState> EndAsync(RemoteHost host, RemoteTarget target, string id)
    {
        RemoteJobState state = null!;
        await Eventually.HoldsAsync(
            async () => (state = await host.PollAsync(target, id, default)).Phase != RemoteJobPhase.Running,
            $"{id} does not end"
        );
        return state;
    }
}
