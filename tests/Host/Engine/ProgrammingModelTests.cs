using System.Text.Json;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Engine;

/// <summary>More of the programming model: retries, limits, versions, purges, queries, poison, large payloads.</summary>
public sealed class ProgrammingModelTests
{
    private static ScenarioRuntime App() =>
        new ScenarioRuntime()
            .Activity<string, string>("Hello", name => Task.FromResult($"Hello {name}!"))
            .Activity<string, string>("Fail", message => throw new InvalidOperationException(message))
            .Activity<int, string>("Big", length => Task.FromResult(new string('x', length)))
            .Orchestrator(
                "Hello",
                async context => await context.CallActivityAsync<string>("Hello", context.GetInput<string>() ?? "nobody")
            )
            .Orchestrator("Wait", async context => await context.WaitForExternalEvent<string>("go"));

    [Fact]
    public async Task A_policy_waits_longer_each_time_and_gives_up_at_once_after_its_last_attempt()
    {
        int asked = 0;
        RetryPolicy policy = new(3, TimeSpan.FromMilliseconds(100), backoffCoefficient: 2)
        {
            HandleFailure = failure =>
            {
                asked++;
                return failure.IsCausedBy<InvalidOperationException>();
            },
        };
        ScenarioRuntime app = App()
            .Orchestrator(
                "Retry",
                async context =>
                {
                    try
                    {
                        return await context.CallActivityAsync<string>("Fail", "x", TaskOptions.FromRetryPolicy(policy));
                    }
                    catch (TaskFailedException e)
                    {
                        return $"#{e.TaskId}";
                    }
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Retry");

        Assert.Equal("\"#4\"", run.Output);
        Assert.Equal(3, app.Calls.Count);
        Assert.Equal(2, asked); // nobody is asked about the last failure
        Assert.Equal((double[])[100, 200, 0], await WaitsAsync(engine, run.InstanceId)); // the SDK keeps the last timer for old histories; it is due at once
    }

    [Theory, InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public async Task A_policy_without_a_number_for_its_back_off_waits_its_longest_interval(double backOff)
    {
        RetryPolicy policy = new(3, TimeSpan.FromMilliseconds(10), backOff, maxRetryInterval: TimeSpan.FromMilliseconds(70)); // the official type does not refuse it
        ScenarioRuntime app = App()
            .Orchestrator(
                "Retry",
                async context => await context.CallActivityAsync<string>("Fail", "x", TaskOptions.FromRetryPolicy(policy))
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Retry");

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Equal(70, (await WaitsAsync(engine, run.InstanceId))[1]);
    }

    [Fact]
    public async Task An_event_of_another_type_fails_the_run_and_is_not_for_the_code_to_catch()
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Typed",
                async context =>
                {
                    try
                    {
                        return await context.WaitForExternalEvent<int>("go");
                    }
                    catch (Exception)
                    {
                        return -1;
                    }
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);
        string id = await engine.ScheduleAsync("Typed");
        await engine.Hub.WaitAsync(id, completion: false, payloads: false);
        await engine.RaiseAsync(id, "go", "no number");

        InstanceRecord run = await engine.EndAsync(id);

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        using JsonDocument output = JsonDocument.Parse(run.Output!);
        Assert.Equal("Function 'Typed' failed with an unhandled exception.", output.RootElement.GetProperty("message").GetString());
        Assert.StartsWith(
            "System.Text.Json.JsonException",
            output.RootElement.GetProperty("details").GetString(),
            StringComparison.Ordinal
        );
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_custom_status_that_is_taken_back_is_gone(bool sessions)
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Telling",
                async context =>
                {
                    context.SetCustomStatus("told");
                    await context.CallActivityAsync<string>("Hello", "x");
                    context.SetCustomStatus(null);
                    return "done";
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(
            app,
            settings: new HubSettings { HubName = "TestHub", ExtendedSessions = sessions }
        );

        Assert.Null((await engine.RunAsync("Telling")).CustomStatus);
    }

    [Theory, InlineData(8_190, true), InlineData(8_191, false)]
    public async Task A_custom_status_of_16_KB_is_the_largest(int characters, bool fits)
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Telling",
                async context =>
                {
                    context.SetCustomStatus("small");
                    await context.CallActivityAsync<string>("Hello", "x");
                    context.SetCustomStatus(new string('s', characters)); // and two quotes, two bytes each
                    return "told";
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Telling");

        Assert.Equal(fits ? OrchestrationRuntimeStatus.Completed : OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Equal(fits ? characters + 2 : "\"small\"".Length, run.CustomStatus!.Length);
        if (!fits)
        {
            Assert.Contains(
                "System.ArgumentException: CustomStatus is too large: limit = 16 KB (UTF-16), actual = 16.00 KB.",
                run.Output,
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public async Task A_handler_decides_by_attempt_and_failure()
    {
        List<int> asked = [];
        ScenarioRuntime app = App()
            .Orchestrator(
                "Retry",
                async context =>
                {
                    try
                    {
                        return await context.CallActivityAsync<string>(
                            "Fail",
                            "x",
                            TaskOptions.FromRetryHandler(retry =>
                            {
                                asked.Add(retry.LastAttemptNumber);
                                return retry.LastFailure.IsCausedBy<InvalidOperationException>() && retry.LastAttemptNumber < 3;
                            })
                        );
                    }
                    catch (TaskFailedException e)
                    {
                        return e.Message;
                    }
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        Assert.Equal(
            "Task 'Fail' (#2) failed with an unhandled exception: x",
            JsonSerializer.Deserialize<string>((await engine.RunAsync("Retry")).Output!)
        );
        Assert.Equal([1, 2, 3], asked);
    }

    [Fact]
    public async Task A_wait_with_a_limit_ends_cancelled_and_leaves_nothing_open()
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Limit",
                async context =>
                {
                    try
                    {
                        return await context.WaitForExternalEvent<string>("never", TimeSpan.FromMilliseconds(100));
                    }
                    catch (TaskCanceledException e)
                    {
                        return e.Message;
                    }
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        Assert.Equal("\"A task was canceled.\"", (await engine.RunAsync("Limit")).Output);
    }

    [Fact]
    public async Task A_cancelled_timer_does_not_hold_the_instance()
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Cancel",
                async context =>
                {
                    using CancellationTokenSource end = new();
                    Task timer = context.CreateTimer(TimeSpan.FromHours(1), end.Token);
                    await context.CallActivityAsync<string>("Hello", "x");
                    end.Cancel();
                    return timer.IsCanceled;
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Cancel");

        Assert.Equal("true", run.Output);
        Assert.DoesNotContain(await engine.Hub.ReadHistoryAsync(run.InstanceId), e => e.Kind == EventKind.TimerFired);
    }

    [Fact]
    public async Task A_start_time_in_the_future_is_kept_and_early_events_wait_for_it()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        string id = Guid.NewGuid().ToString("N");
        DateTimeOffset start = DateTimeOffset.UtcNow.AddSeconds(1.5);
        await engine.Hub.StartAsync(new StartRequest(id, "Wait", null, StartAt: start));
        await engine.RaiseAsync(id, "go", "early");
        OrchestrationRuntimeStatus early = (await engine.Hub.GetAsync(id, true))!.Status;
        Assert.True(early == OrchestrationRuntimeStatus.Pending || DateTimeOffset.UtcNow >= start, $"It is {early} before its start.");

        InstanceRecord run = await engine.EndAsync(id);

        Assert.Equal("\"early\"", run.Output);
        Assert.True(run.CompletedAt >= start, $"It ended at {run.CompletedAt:o}, before its start {start:o}.");
    }

    [Fact]
    public async Task An_id_in_use_is_refused_and_a_finished_one_is_replaced()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        await engine.ScheduleAsync("Wait", id: "same");
        await engine.Hub.WaitAsync("same", completion: false, payloads: false);

        Assert.Equal(
            new StartOutcome(false, OrchestrationRuntimeStatus.Running),
            await engine.Hub.StartAsync(new StartRequest("same", "Wait", null))
        );

        await engine.RaiseAsync("same", "go", "1");
        await engine.EndAsync("same");
        Assert.Equal("\"Hello again!\"", (await engine.RunAsync("Hello", "again", "same")).Output);
        Assert.Equal(1, (await engine.Hub.ReadHistoryAsync("same"))[0].Detail!.Generation);

        // One that is to be kept keeps its history too.
        StartRequest kept = new("same", "Wait", null)
        {
            Kept = [OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Terminated],
        };
        IReadOnlyList<HistoryEvent> history = await engine.Hub.ReadHistoryAsync("same");
        Assert.False((await engine.Hub.StartAsync(kept)).Started);
        Assert.Equal(history.Count, (await engine.Hub.ReadHistoryAsync("same")).Count);
        Assert.True((await engine.Hub.StartAsync(kept with { Kept = [OrchestrationRuntimeStatus.Failed] })).Started);
    }

    [Fact]
    public async Task A_child_id_in_use_fails_the_call_not_the_host()
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Parent",
                async context =>
                {
                    try
                    {
                        return await context.CallSubOrchestratorAsync<string>(
                            "Hello",
                            "x",
                            new SubOrchestrationOptions(instanceId: "taken")
                        );
                    }
                    catch (TaskFailedException e)
                    {
                        return e.FailureDetails.ErrorMessage;
                    }
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);
        await engine.ScheduleAsync("Wait", id: "taken");

        Assert.Contains("already exists", (await engine.RunAsync("Parent")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changed_code_fails_the_running_instance_with_both_names()
    {
        bool changed = false;
        ScenarioRuntime app = App()
            .Activity<string, string>("Bye", name => Task.FromResult("bye"))
            .Orchestrator(
                "Evolving",
                async context =>
                {
                    await context.CallActivityAsync<string>(changed ? "Bye" : "Hello", "x");
                    return await context.WaitForExternalEvent<string>("go");
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(
            app,
            settings: new HubSettings { HubName = "TestHub", ExtendedSessions = false }
        );
        string id = await engine.ScheduleAsync("Evolving");
        await Eventually.HoldsAsync(async () => (await engine.Hub.ReadHistoryAsync(id)).Any(e => e.Kind == EventKind.TaskCompleted));
        changed = true;
        await engine.RaiseAsync(id, "go", "x");

        InstanceRecord run = await engine.EndAsync(id);

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.StartsWith(
            "DurableTask.Core.Exceptions.NonDeterministicOrchestrationException: Non-Deterministic workflow detected:",
            run.Output,
            StringComparison.Ordinal
        );
        Assert.Contains("'Hello'", run.Output, StringComparison.Ordinal);
        Assert.Contains("'Bye'", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_orchestrator_or_activity_is_named_with_the_known_ones()
    {
        ScenarioRuntime app = App().Orchestrator("Misspelled", async context => await context.CallActivityAsync<string>("Helo", "x"));
        await using TestEngine engine = await TestEngine.StartAsync(app);

        Assert.Contains("The function 'Nope' doesn't exist", (await engine.RunAsync("Nope")).Output, StringComparison.Ordinal);
        InstanceRecord run = await engine.RunAsync("Misspelled");
        HistoryEvent failed = (await engine.Hub.ReadHistoryAsync(run.InstanceId)).Single(e => e.Kind == EventKind.TaskFailed);
        Assert.Contains("'Helo' doesn't exist", failed.Data, StringComparison.Ordinal);
        Assert.Contains("'Hello'", failed.Data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ten_megabytes_pass_through_input_result_and_output()
    {
        ScenarioRuntime app = App()
            .Orchestrator("Large", async context => context.GetInput<string>() + await context.CallActivityAsync<string>("Big", 5_000_000));
        await using TestEngine engine = await TestEngine.StartAsync(app);

        InstanceRecord run = await engine.RunAsync("Large", new string('i', 10_000_000), seconds: 60);

        Assert.Equal(15_000_002, run.Output!.Length); // both and two quotes
    }

    [Fact]
    public async Task A_stored_event_that_cannot_be_read_fails_its_instance_only()
    {
        await using TestEngine engine = await TestEngine.StartAsync(
            App(),
            settings: new HubSettings { HubName = "TestHub", ExtendedSessions = true }
        );
        string id = await engine.ScheduleAsync("Wait");
        await engine.Hub.WaitAsync(id, completion: false, payloads: false);
        await using (
            Npgsql.NpgsqlCommand spoil = engine.Database.Source.CreateCommand(
                "WITH told AS (UPDATE instances SET sent = sent + 1 WHERE instance_id = $1) INSERT INTO inbox (instance_id, kind, task_id, name, data, detail) VALUES ($1, 41, -1, 'go', '1', '{not json')"
            )
        )
        {
            spoil.Parameters.Add(new Npgsql.NpgsqlParameter<string> { TypedValue = id });
            await spoil.ExecuteNonQueryAsync();
        }

        await engine.ScheduleAsync("Hello", "x", "healthy");

        Assert.Equal(OrchestrationRuntimeStatus.Failed, (await engine.EndAsync(id)).Status);
        Assert.Contains("cannot be read", (await engine.Hub.GetAsync(id, true))!.Output, StringComparison.Ordinal);
        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await engine.EndAsync("healthy")).Status);
    }

    [Fact]
    public async Task Text_the_database_cannot_hold_is_stored_as_far_as_it_can()
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Nul",
                async context =>
                {
                    context.SendEvent("no\0body", "half \uD83D", 1);
                    return await context.CallActivityAsync<string>("Hello", "x");
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);

        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await engine.RunAsync("Nul")).Status);
    }

    [Fact]
    public async Task Queries_page_by_id_and_filter_by_status_prefix_and_time()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        for (int i = 0; i < 7; i++)
        {
            await engine.RunAsync("Hello", "x", $"page-{i}");
        }

        await engine.ScheduleAsync("Wait", id: "page-waiting");
        InstancePage first = await engine.Hub.ListAsync(
            new InstanceQuery(InstanceIdPrefix: "page-", Statuses: [OrchestrationRuntimeStatus.Completed], PageSize: 5)
        );
        InstancePage second = await engine.Hub.ListAsync(
            new InstanceQuery(InstanceIdPrefix: "page-", Statuses: [OrchestrationRuntimeStatus.Completed], PageSize: 5, After: first.Next)
        );

        Assert.Equal(["page-0", "page-1", "page-2", "page-3", "page-4"], first.Instances.Select(i => i.InstanceId));
        Assert.Equal(["page-5", "page-6"], second.Instances.Select(i => i.InstanceId));
        Assert.Null(second.Next);
        Assert.Empty((await engine.Hub.ListAsync(new InstanceQuery(CreatedFrom: DateTimeOffset.UtcNow.AddHours(1)))).Instances);
    }

    [Fact]
    public async Task A_purge_takes_everything_and_with_it_the_children_when_asked()
    {
        ScenarioRuntime app = App()
            .Orchestrator(
                "Parent",
                async context =>
                    await context.CallSubOrchestratorAsync<string>(
                        "Hello",
                        "x",
                        new SubOrchestrationOptions(instanceId: context.InstanceId + ":child")
                    )
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);
        await engine.RunAsync("Parent", id: "tree");

        Assert.Equal(0, await engine.Hub.PurgeAsync("unknown", recursive: false));
        Assert.Equal(2, await engine.Hub.PurgeAsync("tree", recursive: true));
        Assert.Null(await engine.Hub.GetAsync("tree:child", false));
        await using Npgsql.NpgsqlCommand left = engine.Database.Source.CreateCommand(
            "SELECT (SELECT count(*) FROM history) + (SELECT count(*) FROM activities) + (SELECT count(*) FROM inbox)"
        );
        Assert.Equal(0L, await left.ExecuteScalarAsync());
    }

    [Fact]
    public async Task Messages_to_unknown_finished_and_unfit_instances_say_so()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        string done = (await engine.RunAsync("Hello", "x")).InstanceId;
        string waiting = await engine.ScheduleAsync("Wait");
        await engine.Hub.WaitAsync(waiting, completion: false, payloads: false);

        Assert.Equal(SendResult.NotFound, (await engine.RaiseAsync("unknown", "go", 1)).Result);
        Assert.Equal(SendResult.Finished, (await engine.RaiseAsync(done, "go", 1)).Result);
        Assert.Equal(SendResult.WrongState, (await engine.TellAsync(waiting, EventKind.ExecutionResumed)).Result);
        Assert.Equal(SendResult.Finished, (await engine.TellAsync(done, EventKind.ExecutionRewound)).Result);
    }

    [Fact]
    public async Task The_version_and_tags_given_at_the_start_reach_the_code_and_queries()
    {
        ScenarioRuntime app = App()
            .Orchestrator("Versioned", context => Task.FromResult($"{context.Version} {context.CompareVersionTo("1.10.0") < 0}"));
        await using TestEngine engine = await TestEngine.StartAsync(app);
        await engine.Hub.StartAsync(
            new StartRequest("v", "Versioned", null, "1.9.0", Tags: new Dictionary<string, string> { ["team"] = "a" })
        );

        InstanceRecord run = await engine.EndAsync("v");

        Assert.Equal("\"1.9.0 True\"", run.Output);
        Assert.Equal("a", run.Tags!["team"]);
    }

    [Fact]
    public async Task An_instance_given_up_while_idle_is_taken_again_by_its_next_event()
    {
        await using TestEngine engine = await TestEngine.StartAsync(
            App(),
            settings: new HubSettings
            {
                HubName = "TestHub",
                ExtendedSessions = true,
                IdleTimeout = TimeSpan.FromMilliseconds(200),
                RenewEvery = TimeSpan.FromMilliseconds(100),
            }
        );
        string id = await engine.ScheduleAsync("Wait");
        await engine.Hub.WaitAsync(id, completion: false, payloads: false);
        await Eventually.HoldsAsync(() => Task.FromResult(engine.Engine.Sessions == 0));
        await engine.RaiseAsync(id, "go", "back");

        Assert.Equal("\"back\"", (await engine.EndAsync(id)).Output);
    }

    /// <summary>How long each timer of the run was set to wait, in ms.</summary>
    private static async Task<double[]> WaitsAsync(TestEngine engine, string id) =>
        [
            .. (await engine.Hub.ReadHistoryAsync(id))
                .Where(e => e.Kind == EventKind.TimerCreated)
                .Select(e => (e.Detail!.FireAt!.Value - e.At).TotalMilliseconds),
        ];
}
