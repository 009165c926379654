using System.Collections.Concurrent;
using Durable.Activities.Operations;
using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Shared;
using Durable.Tests.Host.Engine;
using Durable.Tests.Operations.Leases;
using Microsoft.DurableTask;

namespace Durable.Tests.Orchestrations;

/// <summary>A run on a leased cluster whose only work is activity <c>Work</c>; every step can be made to fail or to hang.</summary>
internal sealed class LeasedClusterApp
{
    public const string Name = "SparkRun";

    private readonly LeaseWorld world;

    public LeasedClusterApp(
        LeaseWorld world,
        Func<ClusterRequest, ClusterRequest>? shape = null,
        Func<TaskOrchestrationContext, ClusterGrant, CancellationToken, Task<string>>? work = null
    )
    {
        this.world = world;
        work ??= (context, _, _) => context.CallActivityAsync<string>("Work", "work");
        Runtime = new ScenarioRuntime()
            .Activity<LeaseRequest, LeaseTurn>(
                nameof(TakeLease),
                request => StepAsync(nameof(TakeLease), () => world.Keeper.TakeAsync(request))
            )
            .Activity<string, bool>(
                nameof(StartMachines),
                lease => StepAsync(nameof(StartMachines), () => TrueAsync(world.Keeper.StartAsync(lease)))
            )
            .Activity<string, ClusterGrant>(
                nameof(ListMachines),
                lease => StepAsync(nameof(ListMachines), () => world.Keeper.ListAsync(lease))
            )
            .Activity<LeaseStop, LeaseReceipt>(
                nameof(StopMachines),
                stop => StepAsync(nameof(StopMachines), () => world.Keeper.StopAsync(stop.LeaseId, stop.Force, LeaseCloser.Run))
            )
            .Activity<string, string>("Work", _ => StepAsync("Work", () => Task.FromResult("done")))
            .Orchestrator(
                Name,
                async context =>
                {
                    ClusterRequest request = LeaseWorld.Cluster(RunLedger.RunId(context.InstanceId, context.CurrentUtcDateTime));
                    return await LeasedCluster.RunAsync(
                        context,
                        shape?.Invoke(request) ?? request,
                        (grant, stop) => work(context, grant, stop)
                    );
                }
            );
    }

    public static IReadOnlyList<string> Steps =>
        [nameof(TakeLease), nameof(StartMachines), nameof(ListMachines), "Work", nameof(StopMachines)];

    public ScenarioRuntime Runtime { get; }

    /// <summary>Runs before a step takes effect: its name.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs after a step took effect, before its answer is on record.</summary>
    public Func<string, Task> After { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs when a step has ended, one way or the other.</summary>
    public Action<string> Ended { get; set; } = _ => { };

    public ConcurrentQueue<string> Taken { get; } = [];

    /// <summary>Asserts what must hold however a run ended: nothing of ours is on, and the lease says so.</summary>
    public async Task NothingStaysOnAsync()
    {
        Assert.False(world.Machines.AnyOn);
        Assert.Equal(0L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed'"));
        Assert.Equal(
            0L,
            await world.ScalarAsync<long>(
                "SELECT count(*) FROM operations.leased_machines WHERE state <> 'stopped' OR (on_since IS NOT NULL AND seconds_billed < 60)"
            )
        );
    }

    private async Task<T> StepAsync<T>(string name, Func<Task<T>> step)
    {
        Taken.Enqueue(name);
        await Before(name);
        try
        {
            T result = await step();
            await After(name);
            return result;
        }
        finally
        {
            Ended(name);
        }
    }

    private static async Task<bool> TrueAsync(Task task)
    {
        await task;
        return true;
    }
}
