using Durable.Activities.Operations;
using Durable.Operations.Leases;
using Durable.Operations.Remote;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Operations.Leases;

public sealed class LeaseKeeperTests
{
    [Fact]
    public async Task The_lease_is_on_record_before_the_start_call()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string seen = "";
        world.Machines.Before = async (call, _) =>
        {
            if (call == "start")
                seen = await world.ScalarAsync<string>(
                    "SELECT state || ' ' || (deadline > now()) || ' ' || (start_called_at IS NOT NULL) FROM operations.machine_leases"
                );
        };

        await world.HoldAsync("a/1");

        Assert.Equal("held true true", seen);
    }

    [Fact]
    public async Task Only_what_was_off_before_is_started_stopped_and_billed()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        world.Machines["i-2"] = "running"; // somebody else's
        string lease = await world.HoldAsync("a/1");

        LeaseReceipt receipt = await world.StopAsync(lease);

        Assert.Equal(["start i-1", "stop i-1"], world.Machines.Calls);
        Assert.True(receipt.Proven);
        Assert.Equal(
            [("i-1", "stopped", "stopped", true, 60L, 0.0009m), ("i-2", "running", "running", false, 0L, 0m)], // 60 s × 0.052 USD/h / 3600 = 0.000867
            receipt.Machines.Select(machine =>
                (machine.Id, machine.State, machine.StateBefore, machine.Ours, machine.SecondsBilled, machine.CostUsd)
            )
        );
        Assert.Equal("spark: i-1 stopped, i-2 running (not started by this run); 60 machine seconds, 0.0009 USD", receipt.ToString());
    }

    [Fact]
    public async Task A_lease_that_owns_running_machines_stops_and_bills_them()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        world.Machines["i-1"] = "running";
        LeaseTurn turn = await world.TakeAsync(LeaseWorld.Cluster("a/1") with { StopsRunning = true });
        await world.Keeper.StartAsync(turn.LeaseId);

        LeaseReceipt receipt = await world.StopAsync(turn.LeaseId);

        Assert.Equal(["start i-2", "stop i-1,i-2"], world.Machines.Calls);
        Assert.Equal(120, receipt.SecondsBilled);
    }

    [Theory]
    [InlineData("", "i-1", false)] // called by hand
    [InlineData("nobody/1#spark", "i-1", true)]
    [InlineData("a/1#spark", "i-9", false)]
    [InlineData("a/1#spark", "i-1", true)]
    public async Task A_job_starts_on_a_machine_of_a_held_lease_only(string lease, string machine, bool held)
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string own = await world.HoldAsync("a/1");
        CountingHost host = new();
        StartRemoteJob start = new(host, world.Keeper);
        RemoteJobStart job = new(new RemoteTarget(machine), RemoteCommand.Script("j-1", "id", [], TimeSpan.FromMinutes(1)), lease);

        if (held && lease == own)
        {
            await start.RunAsync(job, default);
            await world.ExecuteAsync("UPDATE operations.machine_leases SET deadline = now() - interval '1 minute'");
            await Assert.ThrowsAsync<LeaseLostException>(() => start.RunAsync(job, default));
            await start.RunAsync(job with { Ending = true }, default); // what stops the jobs of a run comes late
            await world.StopAsync(lease);
        }

        await Assert.ThrowsAsync<LeaseLostException>(() => start.RunAsync(job, default));
        await Assert.ThrowsAsync<LeaseLostException>(() => start.RunAsync(job with { Ending = true }, default));
        Assert.Equal(held && lease == own ? 2 : 0, host.Started);
    }

    private sealed class CountingHost : IRemoteHost
    {
        public int Started { get; private set; }

        public Task<RemoteJobState> StartAsync(RemoteTarget target, RemoteCommand command, CancellationToken cancellationToken = default)
        {
            Started++;
            return Task.FromResult(new RemoteJobState(RemoteJobPhase.Running, null, ""));
        }

        public Task<RemoteJobState> PollAsync(RemoteTarget target, string jobId, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public Task<RemoteJobState> KillAsync(RemoteTarget target, string jobId, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();
    }

    [Fact]
    public async Task Seconds_and_cost_are_what_hand_arithmetic_gives()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string lease = await world.HoldAsync("a/1");
        await world.ExecuteAsync(
            """
            UPDATE operations.leased_machines SET on_since = '2026-02-12T01:00:00Z', off_at = CASE machine_id
                WHEN 'i-1' THEN '2026-02-12T02:30:00.2Z'::timestamptz ELSE '2026-02-12T01:00:59Z' END
            """
        );
        world.Machines["i-1"] = world.Machines["i-2"] = "stopped";

        LeaseReceipt receipt = await world.StopAsync(lease);

        Assert.Equal([5401L, 60L], receipt.Machines.Select(machine => machine.SecondsBilled)); // 1 h 30 min 0.2 s begins the 5401st second; 59 s are billed as 60
        Assert.Equal([0.0780m, 0.0009m], receipt.Machines.Select(machine => machine.CostUsd)); // 5401 × 0.052 / 3600 = 0.0780144; 60 × 0.052 / 3600 = 0.00086667
        Assert.Equal((5461L, 0.0789m), (receipt.SecondsBilled, receipt.CostUsd));
    }

    [Theory]
    [InlineData(null, 0.0, 0)]
    [InlineData(0.0, 0.5, 60)]
    [InlineData(0.0, 60.0, 60)]
    [InlineData(0.0, 60.001, 61)]
    [InlineData(0.0, 86400.0, 86400)]
    public void Begun_seconds_count_whole_and_a_minute_at_least(double? on, double off, long billed)
    {
        DateTime midnight = new(2026, 2, 12, 0, 0, 0, DateTimeKind.Utc);
        Assert.Equal(billed, Billing.Seconds(on is null ? null : midnight, midnight.AddSeconds(off), TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task A_cluster_has_one_owner_and_the_others_are_served_in_opening_order()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string first = await world.HoldAsync("a/1");
        Assert.Equal((false, 1, "a/1"), Turn(await world.TakeAsync(LeaseWorld.Cluster("b/1"))));
        Assert.Equal((false, 2, "a/1"), Turn(await world.TakeAsync(LeaseWorld.Cluster("c/1"))));

        await world.StopAsync(first);

        Assert.Equal((false, 1, "b/1"), Turn(await world.TakeAsync(LeaseWorld.Cluster("c/1")))); // asks first, opened last
        Assert.True((await world.TakeAsync(LeaseWorld.Cluster("b/1"))).Granted);
        Assert.Equal((false, 1, "b/1"), Turn(await world.TakeAsync(LeaseWorld.Cluster("c/1"))));
    }

    [Fact]
    public async Task A_cluster_of_another_name_waits_for_a_shared_machine_and_one_of_other_machines_does_not()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        await world.HoldAsync("a/1", machines: ["i-1", "i-2"]);

        Assert.False((await world.TakeAsync(LeaseWorld.Cluster("b/1", "other", ["i-2", "i-3"]))).Granted);
        Assert.True((await world.TakeAsync(LeaseWorld.Cluster("c/1", "third", ["i-4"]))).Granted);
    }

    [Fact]
    public async Task Of_many_that_ask_at_once_one_gets_the_cluster()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();

        LeaseTurn[] turns = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => world.TakeAsync(LeaseWorld.Cluster($"run{i}/1"))));

        Assert.True(turns.Count(turn => turn.Granted) <= 1); // those ahead in the queue may not have been seen yet
        int granted = 0;
        for (int i = 0; i < 12; i++)
            granted += (await world.TakeAsync(LeaseWorld.Cluster($"run{i}/1"))).Granted ? 1 : 0;
        Assert.Equal(1, granted);
        Assert.Equal(1L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state = 'held'"));
    }

    [Fact]
    public async Task Asking_again_finds_the_same_grant_with_the_same_deadline()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string lease = await world.HoldAsync("a/1");
        ClusterGrant before = await world.Keeper.ListAsync(lease);

        Assert.True((await world.TakeAsync(LeaseWorld.Cluster("a/1"))).Granted);
        await world.Keeper.StartAsync(lease);
        ClusterGrant after = await world.Keeper.ListAsync(lease);

        Assert.Equal(before.DeadlineUtc, after.DeadlineUtc);
        Assert.Equal(["start i-1,i-2"], world.Machines.Calls); // running ones are not started again
        Assert.True((await world.StopAsync(lease)).Machines.All(machine => machine.Ours)); // though they ran at the second call
    }

    [Theory]
    [InlineData("CostGuard__LongestLease")]
    [InlineData("CostGuard__RunSeconds")]
    [InlineData("CostGuard__RunUsd")]
    [InlineData("CostGuard__DaySeconds")]
    [InlineData("CostGuard__DayUsd")]
    [InlineData("CostGuard__HourlyPrices")]
    public async Task A_refusal_names_the_setting_and_nothing_is_started(string setting)
    {
        // Two t3.medium at 0.052 USD for 1 h: 7200 machine seconds, 0.104 USD.
        await using LeaseWorld world = await LeaseWorld.CreateAsync(
            new CostGuardOptions
            {
                LongestLease = setting == "CostGuard__LongestLease" ? TimeSpan.FromMinutes(59) : TimeSpan.FromHours(2),
                RunSeconds = setting == "CostGuard__RunSeconds" ? 7199 : 7200,
                RunUsd = setting == "CostGuard__RunUsd" ? 0.1039m : 0.104m,
                DaySeconds = setting == "CostGuard__DaySeconds" ? 7199 : 7200,
                DayUsd = setting == "CostGuard__DayUsd" ? 0.1039m : 0.104m,
                HourlyPrices = setting == "CostGuard__HourlyPrices" ? "m5.large=1" : "t3.medium=0.052",
            }
        );

        LeaseRefusedException refused = await Assert.ThrowsAsync<LeaseRefusedException>(() => world.TakeAsync(LeaseWorld.Cluster("a/1")));
        LeaseRefusedException again = await Assert.ThrowsAsync<LeaseRefusedException>(() => world.TakeAsync(LeaseWorld.Cluster("a/1")));

        Assert.Contains(setting, refused.Message, StringComparison.Ordinal);
        Assert.Equal(refused.Message, again.Message);
        Assert.Empty(world.Machines.Calls);
        LeaseReceipt receipt = await world.StopAsync(LeaseWorld.Cluster("a/1").LeaseId); // what `finally` asks for
        Assert.True(receipt is { Proven: true, SecondsBilled: 0 });
    }

    [Fact]
    public async Task A_day_counts_what_was_spent_and_what_open_leases_may_still_spend()
    {
        // Budget 10,000 machine seconds; each lease asks for 2 × 1800 = 3600.
        await using LeaseWorld world = await LeaseWorld.CreateAsync(new CostGuardOptions { DaySeconds = 10_000 });
        for (int i = 0; i < 2; i++)
            await world.TakeAsync(LeaseWorld.Cluster($"open{i}/1", $"c{i}", [$"i-{i}a", $"i-{i}b"], 0.5));
        ClusterRequest third = LeaseWorld.Cluster("third/1", "c3", ["i-3a", "i-3b"], 0.5);

        LeaseRefusedException refused = await Assert.ThrowsAsync<LeaseRefusedException>(() => world.TakeAsync(third));
        Assert.Contains(
            "the budget of the day is 10000 machine seconds (setting CostGuard__DaySeconds); 7200 are spent or promised, up to 3600 more are requested",
            refused.Message,
            StringComparison.Ordinal
        );

        await world.StopAsync("open0/1#c0"); // never started: costs nothing after all
        Assert.True((await world.TakeAsync(third with { RunId = "fourth/1" })).Granted);
        await world.ExecuteAsync(
            "UPDATE operations.machine_leases SET granted_at = granted_at - interval '1 day', deadline = deadline - interval '1 day'"
        );
        Assert.True((await world.TakeAsync(LeaseWorld.Cluster("fifth/1", "c5", ["i-5a", "i-5b"], 0.5))).Granted); // yesterday's do not count
    }

    [Fact]
    public async Task A_machine_that_is_gone_refuses_the_lease()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        world.Machines["i-2"] = "terminated";

        Assert.Contains(
            "i-2 is terminated",
            (await Assert.ThrowsAsync<LeaseRefusedException>(() => world.TakeAsync(LeaseWorld.Cluster("a/1")))).Message,
            StringComparison.Ordinal
        );
        Assert.True((await world.TakeAsync(LeaseWorld.Cluster("b/1", machines: ["i-1"]))).Granted); // and does not stay in the way
    }

    [Theory]
    [InlineData("stop")]
    [InlineData("deadline")]
    public async Task Nothing_starts_in_the_name_of_a_lease_that_is_over(string how)
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string lease = await world.HoldAsync("a/1");
        world.Machines.StopHangs = true;
        if (how == "stop")
            await world.StopAsync(lease);
        else
            await world.ExecuteAsync("UPDATE operations.machine_leases SET deadline = now() - interval '1 second'");
        world.Machines["i-1"] = "stopped";
        world.Machines.Calls.Clear();

        await Assert.ThrowsAsync<LeaseLostException>(() => world.Keeper.StartAsync(lease));
        await Assert.ThrowsAsync<LeaseLostException>(() => world.Keeper.EnsureMachineAsync(lease, "i-1", ending: false));
        await Assert.ThrowsAsync<LeaseLostException>(() => world.Keeper.ListAsync(lease));

        Assert.Empty(world.Machines.Calls);
    }

    [Fact]
    public async Task A_stop_waits_for_the_start_under_way_so_that_nothing_comes_on_after_the_proof()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        TaskCompletionSource begun = new(),
            release = new();
        world.Machines.Before = async (call, _) =>
        {
            if (call != "start")
                return;
            begun.SetResult();
            await release.Task;
        };
        LeaseTurn turn = await world.TakeAsync(LeaseWorld.Cluster("a/1"));
        Task start = world.Keeper.StartAsync(turn.LeaseId);
        await begun.Task;
        Task<LeaseReceipt> stop = world.StopAsync(turn.LeaseId);
        await Eventually.HoldsAsync(
            async () =>
                await world.ScalarAsync<long>(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ) > 0,
            "the stop does not wait"
        );
        Assert.False(stop.IsCompleted);

        release.SetResult();
        await start;

        Assert.True((await stop).Proven);
        Assert.Equal(["start i-1,i-2", "stop i-1,i-2"], world.Machines.Calls);
        Assert.False(world.Machines.AnyOn);
    }

    [Fact]
    public async Task Pending_machines_are_stopped_once_they_run_and_hanging_ones_with_force()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        world.Machines.StartHangs = world.Machines.StopHangs = true;
        string lease = await world.HoldAsync("a/1");

        Assert.False((await world.StopAsync(lease)).Proven); // pending: the provider would refuse
        world.Machines["i-1"] = world.Machines["i-2"] = "running";
        Assert.False((await world.StopAsync(lease)).Proven);
        Assert.False((await world.StopAsync(lease)).Proven); // stopping: asked once is enough
        Assert.True((await world.StopAsync(lease, force: true)).Proven);

        Assert.Equal(["start i-1,i-2", "stop i-1,i-2", "force-stop i-1,i-2"], world.Machines.Calls);
    }

    [Fact]
    public async Task A_machine_still_stopping_from_before_is_started_as_soon_as_it_is_off()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        world.Machines["i-2"] = "stopping";
        string lease = await world.HoldAsync("a/1");
        world.Machines["i-2"] = "stopped";

        Assert.All((await world.Keeper.ListAsync(lease)).Machines, machine => Assert.Equal("running", machine.State));

        Assert.Equal(["start i-1", "start i-2"], world.Machines.Calls);
        Assert.True((await world.StopAsync(lease)).Machines.All(machine => machine.Ours));
    }

    [Fact]
    public async Task A_failing_provider_is_on_record_without_its_secrets()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string lease = await world.HoldAsync("a/1");
        world.Machines.Before = (call, _) =>
            call == "stop" ? throw new InvalidOperationException("no: secret=hunter2") : Task.CompletedTask;

        await Assert.ThrowsAsync<InvalidOperationException>(() => world.StopAsync(lease));

        Assert.Equal("1 no: secret=***", await world.ScalarAsync<string>("SELECT failures || ' ' || error FROM operations.machine_leases"));
    }

    [Theory]
    [InlineData("a b", "i-1")]
    [InlineData("$(reboot)", "i-1")]
    [InlineData("spark", "i-1; rm -rf /")]
    [InlineData("spark", "")]
    public async Task Invalid_names_are_refused(string cluster, string machine)
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();

        await Assert.ThrowsAsync<ArgumentException>(() => world.TakeAsync(LeaseWorld.Cluster("a/1", cluster, [machine])));
    }

    private static (bool Granted, int Ahead, string? Holder) Turn(LeaseTurn turn) => (turn.Granted, turn.Ahead, turn.Holder);
}
