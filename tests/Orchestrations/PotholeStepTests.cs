using Durable.Activities.Operations;
using Durable.Activities.Pothole;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Orchestrations;

/// <summary>The steps of a day, as <see cref="PotholeWorld"/> names them.</summary>
public static class PotholeDaySteps
{
    private static readonly string[] BeforeMachines = [nameof(BeginPothole), nameof(TakeLease)];

    private static readonly string[] OnMachines =
    [
        nameof(StartMachines),
        nameof(ListMachines),
        "start:start-spark",
        "poll:start-spark",
        "start:deploy-code",
        "start:stage1",
        "poll:stage1",
        "publish:stage1",
        "start:stage2",
        "publish:stage2",
        "start:stop-spark",
        nameof(StopMachines),
    ];

    private static readonly string[] AfterMachines = [nameof(LoadSegments), nameof(FinishPothole)];

    /// <summary>Every step of a day.</summary>
    public static TheoryData<string> All => [.. BeforeMachines, .. OnMachines, .. AfterMachines];

    /// <summary>Those between the start of the machines and their end.</summary>
    public static TheoryData<string> UnderLease => [.. OnMachines];
}

/// <summary>A step that never works.</summary>
public sealed class PotholeBrokenStepTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [Theory, MemberData(nameof(PotholeDaySteps.All), MemberType = typeof(PotholeDaySteps))]
    public async Task A_step_that_fails_for_good_leaves_nothing_on(string step)
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        bool broken = true;
        world.Before = taken =>
            taken == step && broken
                ? throw new InvalidOperationException($"broken on purpose: {step}, password=hunter2")
                : Task.CompletedTask;
        InstanceRecord run = await world.RunAsync();

        // Stopping Spark is no work: the machines under it are stopped next.
        bool harmless = step == "start:stop-spark";
        Assert.Equal(harmless ? OrchestrationRuntimeStatus.Completed : OrchestrationRuntimeStatus.Failed, run.Status);
        if (step == nameof(StopMachines))
        {
            broken = false;
            await world.ReapUntilOffAsync();
        }

        await world.HoldsAsync(
            step == nameof(BeginPothole) ? null
            : harmless ? "completed"
            : "failed"
        );
        string error = await world.ScalarAsync<string>("SELECT max(error) FROM operations.runs") ?? "";
        Assert.DoesNotContain("hunter2", error, StringComparison.Ordinal);
        if (step == nameof(FinishPothole))
            Assert.Contains($"broken on purpose: {step}", error, StringComparison.Ordinal);
        Assert.Equal(
            step is nameof(BeginPothole) or nameof(TakeLease) or nameof(StartMachines),
            (await sandbox.CallsAsync("ec2", "StartInstances")).Count == 0
        );
    }
}

/// <summary>A run terminated while a step is in hand.</summary>
public sealed class PotholeTerminatedTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [Theory, MemberData(nameof(PotholeDaySteps.All), MemberType = typeof(PotholeDaySteps))]
    public async Task A_run_terminated_in_a_step_is_cleaned_up_by_the_reaper(string step)
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        HeldStep held = await world.StartUntilAsync(step);
        await world.TerminateAsync();
        Assert.Equal(OrchestrationRuntimeStatus.Terminated, (await world.EndAsync()).Status);

        // The step in hand goes on after the end of its run: what it starts then is found as well.
        held.GoOn.SetResult();
        await held.Ended.WaitAsync(TimeSpan.FromSeconds(60));
        await world.ReapUntilOffAsync();

        // Only the closing itself, when it goes on, may still close the run as what it was: all work was done by then.
        await world.HoldsAsync(step == nameof(FinishPothole) ? "completed" : "failed");
    }
}

/// <summary>A step that outlasts the lease.</summary>
public sealed class PotholeOverdueTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [Theory, MemberData(nameof(PotholeDaySteps.UnderLease), MemberType = typeof(PotholeDaySteps))]
    public async Task A_step_that_hangs_past_the_lease_has_its_machines_taken_away(string step)
    {
        await using PotholeWorld world = await PotholeWorld.CreateAsync(sandbox);
        HeldStep held = await world.StartUntilAsync(step);
        Assert.Equal(
            1L,
            await world.ScalarAsync<long>(
                "WITH over AS (UPDATE operations.machine_leases SET deadline = now() - interval '1 second' WHERE state IN ('held', 'stopping') RETURNING 1) SELECT count(*) FROM over"
            )
        );
        await world.ReapUntilOffAsync();

        held.GoOn.SetResult();
        bool workWasDone = step is "publish:stage2" or "start:stop-spark" or nameof(StopMachines); // none of the three needs a machine
        Assert.Equal(
            workWasDone ? OrchestrationRuntimeStatus.Completed : OrchestrationRuntimeStatus.Failed,
            (await world.EndAsync()).Status
        );
        await world.ReapUntilOffAsync();
        await world.HoldsAsync(workWasDone ? "completed" : "failed");
    }
}
