using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Engine;

/// <summary>The programming model, operation by operation, on a real store.</summary>
public sealed class FirstScenarios
{
    private static ScenarioRuntime Hello() =>
        new ScenarioRuntime()
            .Activity<string, string>("Hello", name => Task.FromResult($"Hello {name}!"))
            .Activity<int, int>("Double", number => Task.FromResult(number * 2))
            .Activity<string, string>("Fail", message => throw new InvalidOperationException(message));

    [Fact]
    public async Task Activities_run_in_sequence_and_the_result_is_the_output()
    {
        ScenarioRuntime app = Hello()
            .Orchestrator(
                "Cities",
                async context =>
                    await context.CallActivityAsync<string>("Hello", "Seoul") + await context.CallActivityAsync<string>("Hello", "Busan")
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Cities");

        Assert.Equal((OrchestrationRuntimeStatus.Completed, "\"Hello Seoul!Hello Busan!\""), (run.Status, run.Output));
        Assert.Equal(["Hello:\"Seoul\"", "Hello:\"Busan\""], app.Calls);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_fan_out_gathers_every_result(bool extendedSessions)
    {
        ScenarioRuntime app = Hello()
            .Orchestrator(
                "Sum",
                async context =>
                    (await Task.WhenAll(Enumerable.Range(1, 200).Select(i => context.CallActivityAsync<int>("Double", i)))).Sum()
            );
        await using TestEngine engine = await TestEngine.StartAsync(
            app,
            settings: new HubSettings { HubName = "TestHub", ExtendedSessions = extendedSessions }
        );

        InstanceRecord run = await engine.RunAsync("Sum");

        Assert.Equal("40200", run.Output); // 2 × 200 × 201 / 2
        Assert.Equal(200, app.Calls.Distinct().Count());
    }

    [Fact]
    public async Task A_failed_activity_fails_the_orchestration_with_its_type_and_message()
    {
        ScenarioRuntime app = Hello().Orchestrator("Broken", async context => await context.CallActivityAsync<string>("Fail", "no power"));
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Broken");

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Equal(
            "Microsoft.DurableTask.TaskFailedException: Task 'Fail' (#0) failed with an unhandled exception: no power",
            run.Output
        );
    }

    [Fact]
    public async Task A_timer_fires_no_earlier_than_asked()
    {
        ScenarioRuntime app = Hello()
            .Orchestrator(
                "Wait",
                async context =>
                {
                    DateTime before = context.CurrentUtcDateTime;
                    await context.CreateTimer(TimeSpan.FromMilliseconds(300), CancellationToken.None);
                    return (context.CurrentUtcDateTime - before).TotalMilliseconds;
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Wait");

        Assert.InRange(double.Parse(run.Output!, System.Globalization.CultureInfo.InvariantCulture), 300, 5000);
    }

    [Fact]
    public async Task Events_reach_a_wait_whatever_their_case_and_order()
    {
        ScenarioRuntime app = Hello()
            .Orchestrator(
                "Listen",
                async context => await context.WaitForExternalEvent<string>("Go") + await context.WaitForExternalEvent<string>("go")
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);
        string id = await engine.ScheduleAsync("Listen");
        await engine.RaiseAsync(id, "GO", "a");
        await engine.RaiseAsync(id, "gO", "b");

        InstanceRecord run = await engine.EndAsync(id);

        Assert.Equal("\"ab\"", run.Output);
    }

    [Fact]
    public async Task A_child_gives_its_result_to_its_parent()
    {
        ScenarioRuntime app = Hello()
            .Orchestrator("Child", async context => await context.CallActivityAsync<string>("Hello", context.Parent!.InstanceId))
            .Orchestrator("Parent", async context => await context.CallSubOrchestratorAsync<string>("Child"));
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Parent", id: "p1");

        Assert.Equal("\"Hello p1!\"", run.Output);
    }

    [Fact]
    public async Task Continue_as_new_starts_over_with_the_new_input_and_keeps_unread_events()
    {
        ScenarioRuntime app = Hello()
            .Orchestrator(
                "Loop",
                async context =>
                {
                    int left = context.GetInput<int>();
                    if (left > 0)
                    {
                        await context.CallActivityAsync<int>("Double", left);
                        context.ContinueAsNew(left - 1);
                        return string.Empty;
                    }

                    return await context.WaitForExternalEvent<string>("late");
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);
        string id = await engine.ScheduleAsync("Loop", 3);
        await engine.RaiseAsync(id, "late", "kept");

        InstanceRecord run = await engine.EndAsync(id);

        Assert.Equal("\"kept\"", run.Output);
        Assert.Equal(["Double:3", "Double:2", "Double:1"], app.Calls);
    }

    [Fact]
    public async Task A_suspended_instance_keeps_its_events_for_the_resume()
    {
        ScenarioRuntime app = Hello().Orchestrator("Listen", async context => await context.WaitForExternalEvent<string>("go"));
        await using TestEngine engine = await TestEngine.StartAsync(app);
        string id = await engine.ScheduleAsync("Listen");
        await engine.Hub.WaitAsync(id, completion: false, payloads: false);
        await engine.TellAsync(id, EventKind.ExecutionSuspended, "hold");
        await Eventually.HoldsAsync(async () => (await engine.Hub.GetAsync(id, true))!.Status == OrchestrationRuntimeStatus.Suspended);
        await engine.RaiseAsync(id, "go", "x");
        await Eventually.HoldsAsync(async () => (await engine.Hub.ReadHistoryAsync(id)).Any(e => e.Kind == EventKind.EventRaised)); // it was read, and nothing ran for it
        Assert.Equal(OrchestrationRuntimeStatus.Suspended, (await engine.Hub.GetAsync(id, true))!.Status);
        await engine.TellAsync(id, EventKind.ExecutionResumed, "on");

        Assert.Equal("\"x\"", (await engine.EndAsync(id)).Output);
    }

    [Fact]
    public async Task Terminate_ends_the_tree_without_running_code()
    {
        bool cleaned = false;
        ScenarioRuntime app = Hello()
            .Orchestrator("Child", async context => await context.WaitForExternalEvent<string>("never"))
            .Orchestrator(
                "Parent",
                async context =>
                {
                    try
                    {
                        return await context.CallSubOrchestratorAsync<string>(
                            "Child",
                            options: new SubOrchestrationOptions(instanceId: "the-child")
                        );
                    }
                    finally
                    {
                        cleaned = true;
                    }
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);
        string id = await engine.ScheduleAsync("Parent");
        await Eventually.HoldsAsync(async () =>
            (await engine.Hub.GetAsync("the-child", true))?.Status == OrchestrationRuntimeStatus.Running
        );
        await engine.TellAsync(id, EventKind.ExecutionTerminated, "enough", recursive: true);

        Assert.Equal(
            (OrchestrationRuntimeStatus.Terminated, "enough"),
            ((await engine.EndAsync(id)).Status, (await engine.EndAsync(id)).Output)
        );
        Assert.Equal(OrchestrationRuntimeStatus.Terminated, (await engine.EndAsync("the-child")).Status);
        Assert.False(cleaned);
    }

    [Fact]
    public async Task Rewind_repeats_the_last_attempt_and_the_cleanup_of_a_failed_run()
    {
        bool broken = true;
        ScenarioRuntime app = Hello()
            .Activity<string, string>("Flaky", name => broken ? throw new TimeoutException("down") : Task.FromResult("up"))
            .Orchestrator(
                "Guarded",
                async context =>
                {
                    string first = await context.CallActivityAsync<string>("Hello", "first");
                    try
                    {
                        return first
                            + await context.CallActivityAsync<string>(
                                "Flaky",
                                "x",
                                TaskOptions.FromRetryPolicy(new RetryPolicy(2, TimeSpan.FromMilliseconds(50)))
                            );
                    }
                    finally
                    {
                        await context.CallActivityAsync<string>("Hello", "cleanup");
                    }
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);
        string id = await engine.ScheduleAsync("Guarded");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, (await engine.EndAsync(id)).Status);
        broken = false;
        SendOutcome sent = await engine.TellAsync(id, EventKind.ExecutionRewound, "again");
        Assert.Equal(SendResult.Accepted, sent.Result);
        await Eventually.HoldsAsync(async () => (await engine.Hub.GetAsync(id, true))!.Status == OrchestrationRuntimeStatus.Completed);

        Assert.Equal("\"Hello first!up\"", (await engine.Hub.GetAsync(id, true))!.Output);
        Assert.Equal(1, app.Calls.Count(call => call == "Hello:\"first\""));
        Assert.Equal(2, app.Calls.Count(call => call == "Hello:\"cleanup\""));
        Assert.Equal(3, app.Calls.Count(call => call == "Flaky:\"x\""));
    }
}
