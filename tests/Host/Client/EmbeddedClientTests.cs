using Durable.Host.Client;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;

namespace Durable.Tests.Host.Client;

public sealed class EmbeddedClientTests
{
    private readonly FakeTaskHub hub = new();
    private readonly EmbeddedDurableTaskClient client;

    public EmbeddedClientTests() => client = new EmbeddedDurableTaskClient(hub, JsonDataConverter.Default, _ => null, TimeProvider.System);

    [Fact]
    public async Task A_start_hands_everything_to_the_hub_and_returns_the_id()
    {
        DateTimeOffset later = DateTimeOffset.UtcNow.AddHours(1);
        StartOrchestrationOptions options = new("run 1/a", later)
        {
            Tags = new Dictionary<string, string> { ["team"] = "risk" },
            Version = new TaskVersion("2.0"),
        };

        Assert.Equal("run 1/a", await client.ScheduleNewOrchestrationInstanceAsync("Hello", new { Year = 2030 }, options));

        StartRequest start = Assert.Single(hub.Starts);
        Assert.Equal(("Hello", "{\"Year\":2030}", "2.0", later), (start.Name, start.Input, start.Version, start.StartAt));
        Assert.Equal("risk", start.Tags!["team"]);
    }

    [Fact]
    public async Task A_start_without_id_gets_32_hexadecimal_digits() =>
        Assert.Matches("^[0-9a-f]{32}$", await client.ScheduleNewOrchestrationInstanceAsync("Hello"));

    [Fact]
    public async Task An_id_that_has_not_finished_is_refused_with_the_recorded_text()
    {
        hub.Put("a");
        Exception e = await Fails(() => client.ScheduleNewOrchestrationInstanceAsync("Hello", new StartOrchestrationOptions("a")));
        Assert.Equal("DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException", e.GetType().FullName);
        Assert.Equal("An Orchestration instance with the ID a already exists.", e.Message);
    }

    [Theory, InlineData("@a"), InlineData("a\0b"), InlineData("a\\ud800b")]
    public async Task An_id_that_cannot_be_kept_is_an_argument_error(string id)
    {
        id = id.Replace("\\ud800", "\ud800", StringComparison.Ordinal); // attributes cannot hold half a surrogate pair
        await Assert.ThrowsAsync<ArgumentException>(() =>
            client.ScheduleNewOrchestrationInstanceAsync("Hello", new StartOrchestrationOptions(id))
        );
        Assert.Empty(hub.Starts);
    }

    [Fact]
    public async Task An_id_of_1024_characters_is_taken_and_a_longer_one_is_not()
    {
        await client.ScheduleNewOrchestrationInstanceAsync("Hello", new StartOrchestrationOptions(new string('x', 1024)));
        ArgumentException e = await Assert.ThrowsAsync<ArgumentException>(() =>
            client.ScheduleNewOrchestrationInstanceAsync("Hello", new StartOrchestrationOptions(new string('x', 10_000)))
        );
        Assert.Contains("1,024", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_instance_in_a_dedupe_status_is_kept()
    {
        hub.Put("a", OrchestrationRuntimeStatus.Completed);
        Exception kept = await Fails(() =>
            client.ScheduleNewOrchestrationInstanceAsync("Hello", new StartOrchestrationOptions("a") { DedupeStatuses = ["Completed"] })
        );
        Assert.Equal("An Orchestration instance with the ID a already exists.", kept.Message);
        Assert.Equal(
            "a",
            await client.ScheduleNewOrchestrationInstanceAsync("Hello", new StartOrchestrationOptions("a") { DedupeStatuses = ["failed"] })
        );
        Exception e = await Fails(() =>
            client.ScheduleNewOrchestrationInstanceAsync("Hello", new StartOrchestrationOptions("b") { DedupeStatuses = ["Bogus"] })
        );
        Assert.Equal("Invalid orchestration runtime status: 'Bogus' for deduplication.", e.Message);
    }

    [Fact]
    public async Task Events_and_terminations_carry_json_and_reasons_are_text()
    {
        hub.Put("a");
        await client.RaiseEventAsync("a", "Go", new { n = 1 });
        await client.SuspendInstanceAsync("a", "hold");
        await client.TerminateInstanceAsync("a", new TerminateInstanceOptions(new { why = 1 }, Recursive: true));

        Assert.Equal(
            [
                (EventKind.EventRaised, "Go", "{\"n\":1}"),
                (EventKind.ExecutionSuspended, null, "hold"),
                (EventKind.ExecutionTerminated, null, "{\"why\":1}"),
            ],
            hub.Messages.Select(m => (m.Message.Kind, m.Message.Name, m.Message.Data))
        );
        Assert.True(hub.Messages[2].Message.Detail!.Recursive);
    }

    [Theory]
    [InlineData(
        "event",
        "done",
        "Status(StatusCode=\"FailedPrecondition\", Detail=\"The orchestration instance with the provided instance id is not running.\")"
    )]
    [InlineData(
        "event",
        "none",
        "Status(StatusCode=\"NotFound\", Detail=\"No instance with ID 'none' was found. (Parameter 'instanceId')\")"
    )]
    [InlineData(
        "terminate",
        "done",
        "Status(StatusCode=\"FailedPrecondition\", Detail=\"InvalidOperationException: Cannot terminate the orchestration instance done because instance is in the Completed state.\")"
    )]
    [InlineData(
        "terminate",
        "none",
        "Status(StatusCode=\"NotFound\", Detail=\"ArgumentException: No instance with ID 'none' was found. (Parameter 'instanceId')\")"
    )]
    [InlineData(
        "suspend",
        "done",
        "Status(StatusCode=\"FailedPrecondition\", Detail=\"InvalidOperationException: Cannot suspend the orchestration instance done because instance is in the Completed state.\")"
    )]
    [InlineData(
        "resume",
        "none",
        "Status(StatusCode=\"NotFound\", Detail=\"ArgumentException: No instance with ID 'none' was found. (Parameter 'instanceId')\")"
    )]
    public async Task What_an_instance_cannot_take_is_refused_with_the_recorded_type_and_text(string call, string id, string message)
    {
        hub.Put("done", OrchestrationRuntimeStatus.Completed);
        Exception e = await Fails(() =>
            call switch
            {
                "event" => client.RaiseEventAsync(id, "E", 1),
                "terminate" => client.TerminateInstanceAsync(id, "late"),
                "suspend" => client.SuspendInstanceAsync(id, "x"),
                _ => client.ResumeInstanceAsync(id, "x"),
            }
        );
        Assert.Equal("Grpc.Core.RpcException", e.GetType().FullName);
        Assert.Equal(message, e.Message);
    }

    [Fact]
    public async Task Only_a_failed_instance_is_rewound()
    {
        hub.Put("failed", OrchestrationRuntimeStatus.Failed);
        hub.Put("done", OrchestrationRuntimeStatus.Completed);
        await client.RewindInstanceAsync("failed", "again");
        Assert.Equal((EventKind.ExecutionRewound, "again"), (hub.Messages[0].Message.Kind, hub.Messages[0].Message.Data));
        Assert.Equal(
            "The rewind operation is only supported on failed orchestration instances.",
            (await Assert.ThrowsAsync<InvalidOperationException>(() => client.RewindInstanceAsync("done", "x"))).Message
        );
        Assert.Equal(
            "An orchestration with the instanceId none was not found.",
            (await Assert.ThrowsAsync<ArgumentException>(() => client.RewindInstanceAsync("none", "x"))).Message
        );
    }

    [Fact]
    public async Task A_restart_starts_the_same_thing_again_under_the_old_or_a_new_id()
    {
        hub.Put("a", OrchestrationRuntimeStatus.Completed, "Hello", "{\"x\":1}");
        Assert.Equal("a", await client.RestartAsync("a"));
        string fresh = await client.RestartAsync("a", restartWithNewInstanceId: true);
        Assert.NotEqual("a", fresh);
        Assert.Equal(["a", fresh], hub.Starts.Select(s => s.InstanceId));
        Assert.All(hub.Starts, s => Assert.Equal(("Hello", "{\"x\":1}"), (s.Name, s.Input)));
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.RestartAsync("a")); // it is pending now
    }

    [Fact]
    public async Task Metadata_shows_a_custom_status_never_set_as_null_text_and_no_failure_details()
    {
        hub.Put("a", OrchestrationRuntimeStatus.Failed, output: "System.InvalidOperationException: no", outputIsText: true);
        OrchestrationMetadata full = (await client.GetInstanceAsync("a", getInputsAndOutputs: true))!;
        Assert.Equal(
            ("\"in\"", "System.InvalidOperationException: no", "null"),
            (full.SerializedInput, full.SerializedOutput, full.SerializedCustomStatus)
        );
        Assert.Null(full.FailureDetails);
        OrchestrationMetadata bare = (await client.GetInstanceAsync("a"))!;
        Assert.Null(bare.SerializedInput ?? bare.SerializedOutput ?? bare.SerializedCustomStatus);
        Assert.Null(await client.GetInstanceAsync("none"));

        hub.Put("b", OrchestrationRuntimeStatus.Pending);
        Assert.Null((await client.GetInstanceAsync("b", getInputsAndOutputs: true))!.SerializedCustomStatus);
    }

    [Fact]
    public async Task Pages_follow_each_other_by_token_and_an_empty_result_is_one_empty_page()
    {
        foreach (string id in (string[])["q3", "q1", "q2", "other"])
            hub.Put(id);

        List<Page<OrchestrationMetadata>> pages = await PagesOf(new OrchestrationQuery(InstanceIdPrefix: "q", PageSize: 2));
        Assert.Equal(
            [("q1,q2", true), ("q3", false)],
            pages.Select(p => (string.Join(',', p.Values.Select(v => v.InstanceId)), p.ContinuationToken is not null))
        );
        Assert.Empty(Assert.Single(await PagesOf(new OrchestrationQuery(InstanceIdPrefix: "none"))).Values);
        Assert.Empty(Assert.Single(await PagesOf(new OrchestrationQuery(ContinuationToken: "garbage"))).Values);
    }

    [Fact]
    public async Task Ids_are_listed_by_time_of_completion()
    {
        DateTimeOffset completed = hub.Put("a", OrchestrationRuntimeStatus.Completed).CompletedAt!.Value;
        hub.Put("b");
        hub.Put("c", OrchestrationRuntimeStatus.Failed);
        Page<string> first = await client.ListInstanceIdsAsync(completedTimeFrom: completed.AddMinutes(-1), pageSize: 1);
        Page<string> second = await client.ListInstanceIdsAsync(
            completedTimeFrom: completed.AddMinutes(-1),
            pageSize: 1,
            lastInstanceKey: first.ContinuationToken
        );
        Assert.Equal(["a"], first.Values);
        Assert.Equal(["c"], second.Values);
        Assert.Null(second.ContinuationToken);
        Assert.Empty((await client.ListInstanceIdsAsync(completedTimeTo: completed.AddMinutes(-1))).Values);
    }

    [Fact]
    public async Task The_history_is_that_of_the_official_engine()
    {
        DateTime at = new(2026, 3, 4, 12, 0, 0, DateTimeKind.Utc);
        hub.Put("a", OrchestrationRuntimeStatus.Completed);
        hub.History.AddRange([
            new(EventKind.ExecutionStarted, -1, at, "Hello", "1"),
            new(EventKind.TaskScheduled, 0, at, "Greet", "2"),
            new(EventKind.TaskCompleted, 0, at.AddSeconds(1), Data: "3"),
            new(EventKind.ExecutionCompleted, -1, at.AddSeconds(1), Data: "4", Detail: new EventDetail { Status = "Completed" }),
        ]);
        IList<DurableTask.Core.History.HistoryEvent> history = await client.GetOrchestrationHistoryAsync("a");
        Assert.Equal(
            "OrchestratorStarted ExecutionStarted TaskScheduled OrchestratorCompleted OrchestratorStarted TaskCompleted ExecutionCompleted OrchestratorCompleted",
            string.Join(' ', history.Select(e => e.EventType))
        );
        Assert.Equal(
            ("Greet", 0, 0, "3"),
            (
                history.OfType<DurableTask.Core.History.TaskScheduledEvent>().Single().Name,
                history.OfType<DurableTask.Core.History.TaskScheduledEvent>().Single().EventId,
                history.OfType<DurableTask.Core.History.TaskCompletedEvent>().Single().TaskScheduledId,
                history.OfType<DurableTask.Core.History.TaskCompletedEvent>().Single().Result
            )
        );
        Assert.Equal(
            "An orchestration with the instanceId none was not found.",
            (await Assert.ThrowsAsync<ArgumentException>(() => client.GetOrchestrationHistoryAsync("none"))).Message
        );
    }

    [Fact]
    public async Task The_trace_of_the_caller_goes_with_the_start()
    {
        using System.Diagnostics.Activity caller = new("caller");
        caller.SetIdFormat(System.Diagnostics.ActivityIdFormat.W3C).Start();
        await client.ScheduleNewOrchestrationInstanceAsync("Hello");
        Assert.Contains(caller.TraceId.ToHexString(), hub.Starts[0].TraceParent, StringComparison.Ordinal);
    }

    private static async Task<Exception> Fails(Func<Task> call) =>
        await Record.ExceptionAsync(call) ?? throw new InvalidOperationException("The call did not fail.");

    private async Task<List<Page<OrchestrationMetadata>>> PagesOf(OrchestrationQuery query)
    {
        List<Page<OrchestrationMetadata>> pages = [];
        await foreach (Page<OrchestrationMetadata> page in client.GetAllInstancesAsync(query).AsPages())
            pages.Add(page);
        return pages;
    }
}
