using Durable.Operations.Leases;

namespace Durable.Tests.Operations.Leases;

public sealed class LeaseReaperTests
{
    private const string Overdue = "UPDATE operations.machine_leases SET deadline = now() - interval '1 second'";

    [Theory]
    [InlineData("Terminated")]
    [InlineData("Failed")]
    [InlineData("Completed")]
    [InlineData("absent")]
    public async Task Machines_of_a_run_that_has_ended_are_stopped_and_its_cluster_is_free_again(string end)
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string lease = await world.HoldAsync("a/1");
        Assert.Equal(new ReaperRound(0, 0), await world.ReapAsync()); // it lives
        Assert.False((await world.TakeAsync(LeaseWorld.Cluster("b/1"))).Granted);

        world.Ended["a"] = end;
        Assert.Equal(new ReaperRound(1, 0), await world.ReapAsync());

        Assert.False(world.Machines.AnyOn);
        LeaseReceipt receipt = await world.Keeper.ReceiptAsync(lease);
        Assert.Equal((true, LeaseCloser.Reaper, 120L), (receipt.Proven, receipt.ClosedBy, receipt.SecondsBilled));
        Assert.True((await world.TakeAsync(LeaseWorld.Cluster("b/1"))).Granted);
        Assert.Equal(
            ["a/1#spark:overrun", "a/1#spark:reaped"],
            await world.ScalarAsync<string[]>("SELECT array_agg(dedupe_key ORDER BY id) FROM operations.notifications")
        );
    }

    [Fact]
    public async Task A_living_run_past_its_deadline_loses_its_machines_and_its_own_stop_finds_the_receipt()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string lease = await world.HoldAsync("a/1");
        await world.ExecuteAsync(Overdue);

        Assert.Equal(new ReaperRound(1, 0), await world.ReapAsync());

        LeaseReceipt own = await world.StopAsync(lease);
        Assert.Equal((true, LeaseCloser.Reaper), (own.Proven, own.ClosedBy));
        Assert.Single(world.Machines.Calls, "stop i-1,i-2");
    }

    [Fact]
    public async Task A_stop_that_hangs_is_repeated_forced_and_told_once()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        await world.HoldAsync("a/1");
        await world.ExecuteAsync(Overdue);
        world.Machines.StopHangs = world.Machines.ForceHangs = true;

        for (int round = 0; round < 3; round++)
            Assert.Equal(new ReaperRound(0, 1), await world.ReapAsync());
        Assert.Equal(["start i-1,i-2", "stop i-1,i-2"], world.Machines.Calls);
        await world.ExecuteAsync("UPDATE operations.machine_leases SET stop_called_at = now() - interval '4 minutes'");
        Assert.Equal(new ReaperRound(0, 1), await world.ReapAsync());
        Assert.Equal("stopping", await world.ScalarAsync<string>("SELECT state FROM operations.machine_leases")); // no proof, no closing
        world.Machines.ForceHangs = false;
        Assert.Equal(new ReaperRound(1, 0), await world.ReapAsync());

        Assert.Equal(["force-stop i-1,i-2", "force-stop i-1,i-2"], world.Machines.Calls.Skip(2));
        Assert.Equal(1L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.notifications WHERE dedupe_key LIKE '%overrun'"));
    }

    [Fact]
    public async Task A_provider_that_is_down_is_tried_again_and_keeps_no_other_lease_waiting()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        await world.HoldAsync("a/1", machines: ["i-1"]);
        await world.HoldAsync("b/1", "other", ["i-9"]);
        await world.ExecuteAsync(Overdue);
        world.Machines.Before = (_, ids) => ids.Contains("i-1") ? throw new TimeoutException("no route") : Task.CompletedTask;

        Assert.Equal(new ReaperRound(1, 1), await world.ReapAsync());
        Assert.Equal(new ReaperRound(0, 1), await world.ReapAsync());
        Assert.Equal(
            "2 no route",
            await world.ScalarAsync<string>("SELECT failures || ' ' || error FROM operations.machine_leases WHERE run_id = 'a/1'")
        );
        world.Machines.Before = (_, _) => Task.CompletedTask;
        Assert.Equal(new ReaperRound(1, 0), await world.ReapAsync());

        Assert.False(world.Machines.AnyOn);
    }

    [Fact]
    public async Task A_dead_run_that_only_waited_leaves_the_queue()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string first = await world.HoldAsync("a/1");
        await world.TakeAsync(LeaseWorld.Cluster("b/1"));
        await world.TakeAsync(LeaseWorld.Cluster("c/1"));
        world.Ended["b"] = "Terminated";

        await world.ReapAsync();
        await world.StopAsync(first);

        Assert.True((await world.TakeAsync(LeaseWorld.Cluster("c/1"))).Granted);
        Assert.Equal(0L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.notifications")); // nothing was on
    }

    [Fact]
    public async Task A_restarted_run_frees_what_its_earlier_execution_held()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        await world.HoldAsync("a/1");
        Assert.False((await world.TakeAsync(LeaseWorld.Cluster("a/2"))).Granted); // same instance, later execution, alive

        Assert.Equal(new ReaperRound(1, 0), await world.ReapAsync());

        Assert.False(world.Machines.AnyOn);
        Assert.True((await world.TakeAsync(LeaseWorld.Cluster("a/2"))).Granted);
        Assert.Equal(new ReaperRound(0, 0), await world.ReapAsync()); // the later one stays
    }

    [Fact]
    public async Task A_run_whose_state_cannot_be_read_keeps_its_machines_until_the_deadline()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        await world.HoldAsync("a/1");

        Assert.Equal(new ReaperRound(0, 0), await world.Reaper.ReapAsync((_, _) => throw new TimeoutException("storage")));
        await world.ExecuteAsync(Overdue);
        Assert.Equal(new ReaperRound(1, 0), await world.Reaper.ReapAsync((_, _) => throw new TimeoutException("storage")));
    }

    [Fact]
    public async Task A_start_call_that_takes_effect_after_the_proof_is_undone()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        LeaseTurn turn = await world.TakeAsync(LeaseWorld.Cluster("a/1"));
        world.Machines.Before = (call, _) => call == "start" ? throw new TimeoutException("no answer") : Task.CompletedTask;
        await Assert.ThrowsAsync<TimeoutException>(() => world.Keeper.StartAsync(turn.LeaseId));
        world.Machines.Before = (_, _) => Task.CompletedTask;
        Assert.True((await world.StopAsync(turn.LeaseId)).Proven);

        world.Machines["i-1"] = "running"; // now it arrives
        await world.ReapAsync();

        Assert.Equal("stop i-1", world.Machines.Calls.Last());
        Assert.False(world.Machines.AnyOn);
        Assert.Equal(["a/1#spark:late"], await world.ScalarAsync<string[]>("SELECT array_agg(dedupe_key) FROM operations.notifications"));
    }

    [Fact]
    public async Task Leases_are_listed_by_state_and_page()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        await world.StopAsync(await world.HoldAsync("a/1"));
        await world.HoldAsync("b/1");
        await world.ExecuteAsync("UPDATE operations.machine_leases SET deadline = now() - interval '1 second' WHERE run_id = 'b/1'");
        await world.TakeAsync(LeaseWorld.Cluster("c/1"));
        LeaseReader reader = new(world.Database);

        Assert.Equal(["c/1", "b/1"], await RunsAsync(LeaseSelection.Open));
        Assert.Equal(["b/1"], await RunsAsync(LeaseSelection.Overdue));
        Assert.Equal(["a/1"], await RunsAsync(LeaseSelection.Closed));
        Assert.Equal(["c/1", "b/1", "a/1"], await RunsAsync(LeaseSelection.All));
        LeasePage first = await reader.ReadAsync(LeaseSelection.All, "spark", 2, null),
            second = await reader.ReadAsync(LeaseSelection.All, "spark", 2, first.Before);
        Assert.Equal(["c/1", "b/1", "a/1"], first.Leases.Concat(second.Leases).Select(lease => lease.RunId));
        Assert.Null(second.Before);
        LeaseView closed = second.Leases[0];
        Assert.Equal(
            ("i-1", "stopped", 0.052m, 60L),
            (closed.Machines[0].Id, closed.Machines[0].State, closed.Machines[0].HourlyPriceUsd, closed.Machines[0].SecondsBilled)
        );

        async Task<string[]> RunsAsync(LeaseSelection state) =>
            [.. (await reader.ReadAsync(state, null, 50, null)).Leases.Select(lease => lease.RunId)];
    }
}
