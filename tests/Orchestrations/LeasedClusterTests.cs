using System.Text.Json;
using Durable.Activities.Operations;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Operations.Leases;
using Durable.Orchestrations.Shared;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Engine;
using Durable.Tests.Operations.Leases;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Orchestrations;

public sealed class LeasedClusterTests
{
    public static TheoryData<string> Steps => [.. LeasedClusterApp.Steps];

    [Fact]
    public async Task A_run_starts_works_stops_and_returns_its_receipt()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        LeasedClusterApp app = new(world);
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);

        InstanceRecord run = await engine.RunAsync(LeasedClusterApp.Name);

        Leased<string> output = JsonSerializer.Deserialize<Leased<string>>(run.Output!)!;
        Assert.Equal(
            ("done", true, LeaseCloser.Run, 120L),
            (output.Result, output.Receipt.Proven, output.Receipt.ClosedBy, output.Receipt.SecondsBilled)
        );
        Assert.Equal(LeasedClusterApp.Steps, app.Taken);
        await app.NothingStaysOnAsync();
    }

    [Theory, MemberData(nameof(Steps))]
    public async Task A_step_that_fails_for_good_fails_the_run_and_leaves_nothing_on(string step)
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        LeasedClusterApp app = new(world, request => request with { StopWithin = TimeSpan.Zero });
        app.Before = name => name == step ? throw new ArgumentException($"{step} is broken") : Task.CompletedTask;
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);

        InstanceRecord run = await engine.RunAsync(LeasedClusterApp.Name, id: "a");

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains($"{step} is broken", run.Output, StringComparison.Ordinal);
        if (step == nameof(StopMachines))
        {
            Assert.Contains("no proof that the machines", run.Output, StringComparison.Ordinal); // though the work succeeded
            world.Ended["a"] = "Failed";
            Assert.Equal(1, (await world.ReapAsync()).Closed);
        }

        await app.NothingStaysOnAsync();
    }

    [Theory, MemberData(nameof(Steps))]
    public async Task A_run_terminated_in_any_step_is_cleaned_up_by_the_reaper_and_the_next_one_gets_the_cluster(string step)
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        LeasedClusterApp app = new(world);
        TaskCompletionSource reached = new(),
            release = new(),
            ended = new();
        app.Before = async name =>
        {
            if (name != step)
                return;
            reached.TrySetResult();
            await release.Task;
        };
        app.Ended = name =>
        {
            if (name == step)
                ended.TrySetResult();
        };
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);
        await engine.ScheduleAsync(LeasedClusterApp.Name, id: "a");
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(60));

        await engine.TellAsync("a", EventKind.ExecutionTerminated, "test");
        Assert.Equal(OrchestrationRuntimeStatus.Terminated, (await engine.EndAsync("a")).Status);
        world.Ended["a"] = "Terminated";
        await world.ReapAsync();
        release.SetResult(); // the activity goes on: nobody can take it back
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await world.ReapAsync();

        await app.NothingStaysOnAsync();
        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await engine.RunAsync(LeasedClusterApp.Name, id: "b")).Status);
        await app.NothingStaysOnAsync();
    }

    [Theory]
    [InlineData(nameof(TakeLease))]
    [InlineData(nameof(ListMachines))]
    [InlineData("Work")]
    public async Task Cancel_runs_the_clean_up(string during)
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        if (during == nameof(TakeLease))
            await world.HoldAsync("other/1");
        world.Machines.StartHangs = during == nameof(ListMachines);
        LeasedClusterApp app = new(
            world,
            work: async (context, _, stop) =>
            {
                await context.CreateTimer(TimeSpan.FromHours(1), stop);
                return "never";
            }
        );
        TaskCompletionSource reached = new();
        app.After = name =>
        {
            // The work itself is a timer: it waits once the machines were seen running.
            if (name == (during == "Work" ? nameof(ListMachines) : during))
                reached.TrySetResult();
            return Task.CompletedTask;
        };
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);
        await engine.ScheduleAsync(LeasedClusterApp.Name, id: "a");
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(60));

        await engine.RaiseAsync("a", LeasedCluster.CancelEvent, "budget is gone");
        if (during == nameof(ListMachines))
            _ = Task.Delay(500).ContinueWith(_ => world.Machines["i-1"] = world.Machines["i-2"] = "running", TaskScheduler.Default);
        InstanceRecord run = await engine.EndAsync("a");

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains("Cancelled: budget is gone", run.Output, StringComparison.Ordinal);
        if (during == nameof(TakeLease))
            await world.StopAsync("other/1#spark");
        await app.NothingStaysOnAsync();
    }

    [Fact]
    public async Task A_second_run_waits_in_durable_timers_until_the_first_has_let_go()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        string first = await world.HoldAsync("other/1");
        LeasedClusterApp app = new(world);
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);
        await engine.ScheduleAsync(LeasedClusterApp.Name, id: "a");
        await Eventually.HoldsAsync(() => app.Taken.Count > 1); // it has asked twice
        Assert.DoesNotContain(nameof(StartMachines), app.Taken);

        await world.StopAsync(first);

        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await engine.EndAsync("a")).Status);
        await app.NothingStaysOnAsync();
    }

    [Fact]
    public async Task A_run_over_budget_fails_with_the_setting_in_its_error_and_starts_nothing()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync(new CostGuardOptions { RunUsd = 0.01m });
        LeasedClusterApp app = new(world);
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);

        InstanceRecord run = await engine.RunAsync(LeasedClusterApp.Name);

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains("CostGuard__RunUsd", run.Output, StringComparison.Ordinal);
        Assert.Empty(world.Machines.Calls);
        Assert.Equal([nameof(TakeLease), nameof(StopMachines)], app.Taken); // refused is not tried again
    }

    [Fact]
    public async Task A_stop_that_hangs_leaves_the_run_failed_without_receipt_and_the_reaper_finishes()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        world.Machines.StopHangs = true;
        LeasedClusterApp app = new(world, request => request with { StopWithin = TimeSpan.FromSeconds(1) });
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);

        InstanceRecord run = await engine.RunAsync(LeasedClusterApp.Name, id: "a");

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains("i-1 stopping", run.Output, StringComparison.Ordinal);
        Assert.Equal("stopping", await world.ScalarAsync<string>("SELECT state FROM operations.machine_leases"));
        world.Ended["a"] = "Failed";
        await world.ExecuteAsync("UPDATE operations.machine_leases SET stop_called_at = now() - interval '4 minutes'");
        Assert.Equal(new ReaperRound(1, 0), await world.ReapAsync()); // by force
        await app.NothingStaysOnAsync();
    }

    [Fact]
    public async Task A_provider_that_fails_now_and_then_is_asked_again()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        HashSet<string> failed = [];
        world.Machines.Before = (call, _) => failed.Add(call) ? throw new TimeoutException($"{call}: throttled") : Task.CompletedTask; // the first of each kind
        LeasedClusterApp app = new(world);
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);

        InstanceRecord run = await engine.RunAsync(LeasedClusterApp.Name);

        Assert.Equal(OrchestrationRuntimeStatus.Completed, run.Status);
        Assert.Equal(["describe", "start", "stop"], failed.Order());
        await app.NothingStaysOnAsync();
    }

    [Fact]
    public async Task Work_past_the_deadline_is_unwound_and_the_run_failed()
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync();
        LeasedClusterApp app = new(
            world,
            request => request with { Longest = TimeSpan.FromSeconds(3) },
            async (context, _, stop) =>
            {
                await context.CreateTimer(TimeSpan.FromHours(1), stop);
                return "never";
            }
        );
        await using TestEngine engine = await TestEngine.StartAsync(app.Runtime);

        InstanceRecord run = await engine.RunAsync(LeasedClusterApp.Name);

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains(nameof(LeaseExpiredException), run.Output, StringComparison.Ordinal);
        await app.NothingStaysOnAsync();
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_host_that_dies_between_any_two_steps_changes_nothing(bool after)
    {
        await using LeaseWorld world = await LeaseWorld.CreateAsync(
            new CostGuardOptions { DaySeconds = long.MaxValue, DayUsd = 1_000_000 }
        );
        LeasedClusterApp app = new(world);
        string database = await Fixtures.PostgresServer.CreateDatabaseAsync();
        bool failed = true;
        int failing = 1;
        for (; failed; failing++)
        {
            Assert.True(failing < 80, "the sweep does not end");
            int seen = 0;
            failed = false;
            string id = $"run-{failing}";
            await using TestEngine engine = await TestEngine.StartAsync(
                app.Runtime,
                database,
                new HubSettings
                {
                    HubName = "TestHub",
                    ExtendedSessions = true,
                    RenewEvery = TimeSpan.FromMilliseconds(200),
                }
            );
            await engine.ScheduleAsync(LeasedClusterApp.Name, id: id);
            engine.Database.Probe = point =>
            {
                if (point.After != after || Interlocked.Increment(ref seen) != failing)
                    return;
                failed = true;
                throw new NpgsqlException($"injected at operation {failing} ({point.Operation})");
            };
            InstanceRecord run;
            try
            {
                run = await engine.EndAsync(id);
            }
            catch (NpgsqlException e) when (e.Message.StartsWith("injected", StringComparison.Ordinal))
            {
                run = await engine.EndAsync(id);
            }

            engine.Database.Probe = null;
            Assert.True(run.Status == OrchestrationRuntimeStatus.Completed, $"operation {failing}: {run.Output}");
            await app.NothingStaysOnAsync();
        }

        Assert.True(failing > 8, $"only {failing} crash points");
        Assert.Equal(failing - 1L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE closed_by = 'run'"));
    }
}
