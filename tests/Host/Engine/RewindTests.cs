using Durable.Host.History;
using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Engine;

/// <summary>Rewind writes the history anew, so that the SDK replays it.</summary>
public sealed class RewindTests
{
    private bool broken = true;

    [Fact]
    public async Task A_parent_takes_its_failed_child_along()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        string id = await FailAsync(engine, "Parent");

        await RewindAsync(engine, id);

        await FirstScenarios.Until(async () => (await engine.Hub.GetAsync(id, true))!.Status == OrchestrationRuntimeStatus.Completed);
        Assert.Equal("\"up\"", (await engine.Hub.GetAsync(id, true))!.Output);
    }

    [Fact]
    public async Task A_child_that_was_purged_starts_anew()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        string id = await FailAsync(engine, "Parent");
        Assert.Equal(1, await engine.Hub.PurgeAsync("child-of-" + id, recursive: false, CancellationToken.None));

        await RewindAsync(engine, id);

        await FirstScenarios.Until(async () => (await engine.Hub.GetAsync(id, true))!.Status == OrchestrationRuntimeStatus.Completed);
    }

    [Theory]
    [InlineData("Throws")]
    [InlineData("ParentOfThrows")]
    public async Task Code_that_throws_by_itself_runs_its_end_again(string orchestrator)
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        string id = await FailAsync(engine, orchestrator);

        await RewindAsync(engine, id);

        await FirstScenarios.Until(async () => (await engine.Hub.GetAsync(id, true))!.Status == OrchestrationRuntimeStatus.Completed);
    }

    private async Task<string> FailAsync(TestEngine engine, string orchestrator)
    {
        InstanceRecord failed = await engine.RunAsync(orchestrator);
        Assert.Equal(OrchestrationRuntimeStatus.Failed, failed.Status);
        broken = false;
        return failed.InstanceId;
    }

    private static async Task RewindAsync(TestEngine engine, string id) =>
        Assert.Equal(SendResult.Accepted, (await engine.TellAsync(id, EventKind.ExecutionRewound, "again")).Result);

    private ScenarioRuntime App() => new ScenarioRuntime()
        .Activity<string, string>("Flaky", _ => broken ? throw new TimeoutException("down") : Task.FromResult("up"))
        .Activity<string, string>("Hello", name => Task.FromResult($"Hello {name}!"))
        .Orchestrator("Child", async context => await context.CallActivityAsync<string>("Flaky", "x"))
        .Orchestrator("Parent", async context => await context.CallSubOrchestratorAsync<string>("Child", null, new SubOrchestrationOptions(new TaskOptions(), "child-of-" + context.InstanceId)))
        .Orchestrator("Throws", async context =>
        {
            string hello = await context.CallActivityAsync<string>("Hello", "x");
            return broken ? throw new InvalidOperationException("not today") : hello;
        })
        .Orchestrator("ParentOfThrows", async context => await context.CallSubOrchestratorAsync<string>("Throws", null));
}
