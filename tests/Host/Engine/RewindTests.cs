using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Engine;

/// <summary>Rewind rewrites the history, so that the SDK replays it: no session is kept here, so every turn after a rewind replays what it
/// wrote.</summary>
public sealed class RewindTests
{
    private static readonly HubSettings Replaying = new() { HubName = "TestHub", ExtendedSessions = false };
    private static readonly TaskOptions Twice = TaskOptions.FromRetryPolicy(new RetryPolicy(2, TimeSpan.FromMilliseconds(20)));
    private readonly TaskCompletionSource slow = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool broken = true;

    [Theory]
    [InlineData("Parent", "\"up\"")] // its child's activity failed
    [InlineData("ParentRetries", "\"up\"")] // the child was started twice under one id
    [InlineData("Throws", "\"Hello x!\"")] // the code threw by itself
    [InlineData("ParentOfThrows", "\"Hello x!\"")]
    [InlineData("Retries", "\"Hello first!up\"")] // after its last attempt, with a cleanup in finally
    [InlineData("Grandparent", "\"up\"")]
    public async Task A_failed_run_continues_where_it_failed(string orchestrator, string output)
    {
        await using TestEngine engine = await TestEngine.StartAsync(App(), settings: Replaying);
        string id = await FailAsync(engine, orchestrator);

        broken = false;
        await RewindAsync(engine, id);

        Assert.Equal(output, (await CompletedAsync(engine, id)).Output);
    }

    [Fact]
    public async Task A_run_that_fails_again_can_be_rewound_again_and_restarted()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App(), settings: Replaying);
        string id = await FailAsync(engine, "ParentOfThrows");

        for (int again = 2; again <= 3; again++)
        {
            int told = again;
            await RewindAsync(engine, id);
            await Eventually.HoldsAsync(async () =>
                (await engine.Hub.ReadHistoryAsync(id)).Count(e => e is { Kind: EventKind.GenericEvent, Data: "again" }) == told - 1
                && (await engine.Hub.GetAsync(id, false))!.Status == OrchestrationRuntimeStatus.Failed
            );
        }

        broken = false;
        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await engine.RunAsync("ParentOfThrows", id: id)).Status);
    }

    [Fact]
    public async Task A_purged_child_starts_again()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App(), settings: Replaying);
        string id = await FailAsync(engine, "Parent");
        Assert.Equal(1, await engine.Hub.PurgeAsync("child-of-" + id, recursive: false, CancellationToken.None));

        broken = false;
        await RewindAsync(engine, id);

        Assert.Equal("\"up\"", (await CompletedAsync(engine, id)).Output);
    }

    [Fact]
    public async Task A_terminated_child_starts_again()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App(), settings: Replaying);
        string id = await engine.ScheduleAsync("ParentOfWait");
        string child = "child-of-" + id;
        await Eventually.HoldsAsync(async () => (await engine.Hub.GetAsync(child, false))?.Status == OrchestrationRuntimeStatus.Running);
        await engine.TellAsync(child, EventKind.ExecutionTerminated, "enough");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, (await engine.EndAsync(id)).Status);

        await RewindAsync(engine, id);
        await Eventually.HoldsAsync(async () => (await engine.Hub.GetAsync(child, false))!.Status == OrchestrationRuntimeStatus.Running);
        await engine.RaiseAsync(child, "go", "on");

        Assert.Equal("\"on\"", (await CompletedAsync(engine, id)).Output);
    }

    [Fact]
    public async Task A_child_that_completed_after_its_parent_had_failed_is_not_run_again()
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Late",
                async context =>
                {
                    Task<string> child = context.CallSubOrchestratorAsync<string>(
                        "WaitThenHello",
                        options: new SubOrchestrationOptions(instanceId: "late-child")
                    );
                    await context.WaitForExternalEvent<string>("go");
                    context.SetCustomStatus(new string('s', broken ? 20_000 : 10)); // too large: the run ends although its child is open
                    return await child;
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app, settings: Replaying);
        string id = await engine.ScheduleAsync("Late");
        await Eventually.HoldsAsync(async () =>
            (await engine.Hub.GetAsync("late-child", false))?.Status == OrchestrationRuntimeStatus.Running
        );
        await engine.RaiseAsync(id, "go", "x");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, (await engine.EndAsync(id)).Status);
        await engine.RaiseAsync("late-child", "go", "x");
        await engine.EndAsync("late-child");

        broken = false;
        await RewindAsync(engine, id);

        Assert.Equal("\"Hello x!\"", (await CompletedAsync(engine, id)).Output);
        Assert.Single(app.Calls, "Hello:\"x\"");
    }

    [Fact]
    public async Task An_activity_that_outlives_the_failed_run_answers_no_step_of_the_rewound_one()
    {
        ScenarioRuntime app = App()
            .Activity<string, string>(
                "Slow",
                async _ =>
                {
                    await slow.Task;
                    return "late";
                }
            )
            .Orchestrator(
                "Outlived",
                async context =>
                {
                    Task<string> first = broken
                        ? context.CallActivityAsync<string>("Slow", "x")
                        : context.CallActivityAsync<string>("Hello", "x");
                    await context.WaitForExternalEvent<string>("go");
                    context.SetCustomStatus(new string('s', broken ? 20_000 : 10));
                    return await first;
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app, settings: Replaying);
        string id = await engine.ScheduleAsync("Outlived");
        await Eventually.HoldsAsync(() => app.Calls.Contains("Slow:\"x\""));
        await engine.RaiseAsync(id, "go", "x");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, (await engine.EndAsync(id)).Status);

        broken = false;
        await RewindAsync(engine, id);
        slow.SetResult();

        Assert.Equal("\"Hello x!\"", (await CompletedAsync(engine, id)).Output);
    }

    [Fact]
    public async Task A_result_is_kept_only_for_the_input_it_was_computed_from()
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Depends",
                async context =>
                {
                    Task<string> flaky = context.CallActivityAsync<string>("Flaky", "x");
                    await context.CallActivityAsync<string>("Late", "y");
                    string told = await context.CallActivityAsync<string>("Hello", flaky.IsFaulted ? "sorry" : "well");
                    await flaky;
                    return told;
                }
            )
            .Activity<string, string>(
                "Late",
                async _ =>
                {
                    await slow.Task;
                    return "done";
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app, settings: Replaying);
        string id = await engine.ScheduleAsync("Depends");
        await Eventually.HoldsAsync(async () => (await engine.Hub.ReadHistoryAsync(id)).Any(e => e.Kind == EventKind.TaskFailed));
        slow.SetResult();
        Assert.Equal(OrchestrationRuntimeStatus.Failed, (await engine.EndAsync(id)).Status);

        broken = false;
        await RewindAsync(engine, id);

        Assert.Equal("\"Hello well!\"", (await CompletedAsync(engine, id)).Output);
    }

    private static async Task<string> FailAsync(TestEngine engine, string orchestrator)
    {
        InstanceRecord failed = await engine.RunAsync(orchestrator);
        Assert.Equal(OrchestrationRuntimeStatus.Failed, failed.Status);
        return failed.InstanceId;
    }

    private static async Task RewindAsync(TestEngine engine, string id) =>
        Assert.Equal(SendResult.Accepted, (await engine.TellAsync(id, EventKind.ExecutionRewound, "again")).Result);

    private static async Task<InstanceRecord> CompletedAsync(TestEngine engine, string id)
    {
        await Eventually.HoldsAsync(
            async () => (await engine.Hub.GetAsync(id, false))!.Status == OrchestrationRuntimeStatus.Completed,
            async () => (await engine.Hub.GetAsync(id, true))!.ToString(),
            20
        );
        return (await engine.Hub.GetAsync(id, true))!;
    }

    private static SubOrchestrationOptions ChildOf(TaskOrchestrationContext context, TaskOptions? options = null) =>
        new(options ?? new TaskOptions(), "child-of-" + context.InstanceId);

    private ScenarioRuntime App() =>
        new ScenarioRuntime()
            .Activity<string, string>("Flaky", _ => broken ? throw new TimeoutException("down") : Task.FromResult("up"))
            .Activity<string, string>("Hello", name => Task.FromResult($"Hello {name}!"))
            .Orchestrator("Child", async context => await context.CallActivityAsync<string>("Flaky", "x"))
            .Orchestrator("Wait", async context => await context.WaitForExternalEvent<string>("go"))
            .Orchestrator(
                "WaitThenHello",
                async context => await context.CallActivityAsync<string>("Hello", await context.WaitForExternalEvent<string>("go"))
            )
            .Orchestrator("Parent", async context => await context.CallSubOrchestratorAsync<string>("Child", null, ChildOf(context)))
            .Orchestrator(
                "ParentRetries",
                async context => await context.CallSubOrchestratorAsync<string>("Child", null, ChildOf(context, Twice))
            )
            .Orchestrator("ParentOfWait", async context => await context.CallSubOrchestratorAsync<string>("Wait", null, ChildOf(context)))
            .Orchestrator("Grandparent", async context => await context.CallSubOrchestratorAsync<string>("Parent"))
            .Orchestrator("ParentOfThrows", async context => await context.CallSubOrchestratorAsync<string>("Throws"))
            .Orchestrator(
                "Throws",
                async context =>
                {
                    string hello = await context.CallActivityAsync<string>("Hello", "x");
                    return broken ? throw new InvalidOperationException("not today") : hello;
                }
            )
            .Orchestrator(
                "Retries",
                async context =>
                {
                    string first = await context.CallActivityAsync<string>("Hello", "first");
                    try
                    {
                        return first + await context.CallActivityAsync<string>("Flaky", "x", Twice);
                    }
                    finally
                    {
                        await context.CallActivityAsync<string>("Hello", "cleanup");
                    }
                }
            );
}
