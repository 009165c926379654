using System.Text.Json.Nodes;
using Durable.Cli.Output;

namespace Durable.Tests.Cli;

public sealed class InstanceCommandTests
{
    private const string Instances = "/runtime/webhooks/durabletask/instances";

    [Fact]
    public async Task A_page_is_listed_with_the_token_of_the_next()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"GET {Instances}", _ => new Reply(200, $"[{Instance("a-1", "Running")}]", "next"));

        CliCall call = await CliCall.RunAsync(host, "instances", "list", "--status", "running,Failed", "--prefix", "a-", "--top", "1");

        Assert.Equal(0, call.ExitCode);
        Assert.Equal(
            """
            instance  name  status   created      last updated
            a-1       Wash  Running  01-02 03:04  01-02 03:04

            """,
            call.Out
        );
        Assert.Contains("--continuation-token 'next'", call.Error, StringComparison.Ordinal);
        Asked asked = Assert.Single(host.Requests);
        Assert.Equal("?runtimeStatus=Running,Failed&instanceIdPrefix=a-&top=1&showInput=false", asked.Query);
    }

    [Fact]
    public async Task All_pages_are_followed_by_their_tokens()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            $"GET {Instances}",
            asked =>
                asked.Headers.TryGetValue("x-ms-continuation-token", out string? token) && token == "next"
                    ? new Reply(200, $"[{Instance("a-2", "Completed")}]")
                    : new Reply(200, $"[{Instance("a-1", "Running")}]", "next")
        );

        CliCall call = await CliCall.RunAsync(host, "instances", "list", "--all", "--output", "json");

        Assert.Equal(["a-1", "a-2"], JsonNode.Parse(call.Out)!.AsArray().Select(i => (string)i!["instanceId"]!));
        Assert.Empty(call.Error);
    }

    [Theory]
    [InlineData("terminate")]
    [InlineData("suspend")]
    [InlineData("resume")]
    [InlineData("rewind")]
    public async Task A_run_is_steered_by_its_id_with_a_reason(string verb)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"POST {Instances}/a-1/{verb}", 202, string.Empty);

        CliCall call = await CliCall.RunAsync(host, "instances", verb, "a-1", "--reason", "too late & wrong");

        Assert.Equal(0, call.ExitCode);
        Assert.Equal("?reason=too late & wrong", Assert.Single(host.Requests).Query);
    }

    [Theory]
    [InlineData("terminate", 410, "only a run that has not ended can be terminated")]
    [InlineData("suspend", 409, "only Running or Pending can be suspended")]
    [InlineData("resume", 412, "only Suspended can be resumed")]
    [InlineData("rewind", 400, "only Failed can be rewound")]
    public async Task What_its_state_forbids_is_a_sentence_with_that_state(string verb, int status, string need)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"POST {Instances}/a-1/{verb}", status, """{"Message":"Something went wrong","StackTrace":"at X"}""")
            .On($"GET {Instances}/a-1", 200, Instance("a-1", "Completed"));

        CliCall call = await CliCall.RunAsync(host, "instances", verb, "a-1");

        Assert.Equal((1, $"a-1 is Completed; {need}."), (call.ExitCode, call.Error.Trim()));
    }

    [Fact]
    public async Task A_running_instance_is_not_purged_and_an_ended_one_receives_no_event()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"DELETE {Instances}/a-1", 412, string.Empty)
            .On($"GET {Instances}/a-1", 202, Instance("a-1", "Running"))
            .On($"POST {Instances}/b-2/raiseEvent/Go", 410, string.Empty)
            .On($"GET {Instances}/b-2", 200, Instance("b-2", "Terminated"));

        CliCall purge = await CliCall.RunAsync(host, "instances", "purge", "a-1");
        CliCall raise = await CliCall.RunAsync(host, "instances", "raise-event", "b-2", "Go");

        Assert.StartsWith("a-1 is Running; only a run that has ended can be purged", purge.Error, StringComparison.Ordinal);
        Assert.StartsWith("b-2 is Terminated; only a run that has not ended can receive events.", raise.Error, StringComparison.Ordinal);
        Assert.Equal((1, 1), (purge.ExitCode, raise.ExitCode));
    }

    [Fact]
    public async Task A_start_of_no_orchestration_is_bad_usage_although_the_host_takes_it()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /runtime/webhooks/durabletask/orchestrators/Wsh", 202, """{"id":"w-2"}""");
        host.On(
            "GET /runtime/webhooks/durabletask/instances/w-2",
            200,
            """
            {"instanceId":"w-2","runtimeStatus":"Failed","output":{"message":"The function 'Wsh' doesn't exist, is disabled, or is not an orchestrator function.","details":null}}
            """
        );

        CliCall call = await CliCall.RunAsync(host, "instances", "start", "Wsh");

        Assert.Equal(
            (2, "The function 'Wsh' doesn't exist, is disabled, or is not an orchestrator function."),
            (call.ExitCode, call.Error.Trim())
        );
    }

    [Fact]
    public async Task Any_orchestration_is_started_with_input_and_id()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /runtime/webhooks/durabletask/orchestrators/Wash/w-1", 202, """{"id":"w-1"}""");
        host.On("GET /runtime/webhooks/durabletask/instances/w-1", 202, """{"instanceId":"w-1","runtimeStatus":"Running","output":null}""");

        CliCall call = await CliCall.RunAsync(host, "instances", "start", "Wash", "--input", """{"cars":3}""", "--id", "w-1");
        CliCall bad = await CliCall.RunAsync(host, "instances", "start", "Wash", "--input", "three");

        Assert.Equal((0, "started w-1"), (call.ExitCode, call.Out.Trim()));
        Assert.Equal("""{"cars":3}""", host.Requests.First().Body);
        Assert.Equal(2, bad.ExitCode);
        Assert.StartsWith("--input is not JSON", bad.Error, StringComparison.Ordinal);
    }

    private const string Steps = """
        {"EventType":"ExecutionStarted","Timestamp":"2026-11-26T09:00:00Z","FunctionName":"Wash"},
        {"EventType":"TaskCompleted","Result":"clean","Timestamp":"2026-11-26T09:00:02.5Z","ScheduledTime":"2026-11-26T09:00:00+00:00","FunctionName":"Soap"},
        {"EventType":"TimerCreated","FireAt":"2026-11-26T09:01:02Z","Timestamp":"2026-11-26T09:00:02Z"},
        {"EventType":"TimerFired","FireAt":"2026-11-26T09:01:02Z","Timestamp":"2026-11-26T09:01:02Z"},
        {"EventType":"EventRaised","Name":"Paid","Input":"5","Timestamp":"2026-11-26T09:02:00Z"},
        {"EventType":"TaskFailed","Reason":"Function 'Dry' failed","FailureDetails":{"ErrorMessage":"no air"},"Timestamp":"2026-11-26T09:05:20Z","ScheduledTime":"2026-11-26T09:02:00+00:00","FunctionName":"Dry"},
        {"EventType":"TaskScheduled","Name":"Polish","Timestamp":"2026-11-26T09:06:00Z"}
        """;

    [Fact]
    public async Task History_shows_each_step_with_its_time_and_result()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            $"GET {Instances}/a-1",
            202,
            $$"""{"name":"Wash","instanceId":"a-1","runtimeStatus":"Running","historyEvents":[{{Steps}}]}"""
        );

        CliCall call = await CliCall.RunAsync(host, "instances", "history", "a-1");

        Assert.Equal(
            """
            a-1: Wash, Running
            started   step    state     took        kind      detail
            09:00:00  Soap    done      2.5 s       activity  clean
            09:00:02  timer   fired     60 s        timer
            09:02:00  Paid    received              event     5
            09:02:00  Dry     failed    3 min 20 s  activity  no air
            09:06:00  Polish  running               activity

            """,
            call.Out
        );
        Assert.Equal("?showInput=false&showHistory=true&showHistoryOutput=true", Assert.Single(host.Requests).Query);
    }

    [Fact]
    public async Task Show_ends_with_the_steps_and_sums_them_up_when_there_are_many()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        string many = string.Join(
            ',',
            Enumerable
                .Range(0, 30)
                .Select(i =>
                    $$"""{"EventType":"TaskCompleted","Timestamp":"2026-11-26T09:00:{{i:00}}Z","ScheduledTime":"2026-11-26T09:00:00Z","FunctionName":"Rinse"}"""
                )
        );
        host.On(
                $"GET {Instances}/a-1",
                200,
                $$"""{"name":"Wash","instanceId":"a-1","runtimeStatus":"Running","historyEvents":[{{Steps}}]}"""
            )
            .On(
                $"GET {Instances}/b-2",
                200,
                $$"""{"name":"Wash","instanceId":"b-2","runtimeStatus":"Running","historyEvents":[{{many}}]}"""
            );

        CliCall few = await CliCall.RunAsync(host, "instances", "show", "a-1");
        CliCall lots = await CliCall.RunAsync(host, "instances", "show", "b-2");

        Assert.Contains("09:02:00  Dry     failed    3 min 20 s  activity  no air", few.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("EventType", few.Out, StringComparison.Ordinal);
        Assert.Contains(
            "Rinse     30    30       0     0  09:00:00  09:00:00  14 s  29 s",
            System.Text.RegularExpressions.Regex.Replace(lots.Out, "14.5 s|15 s", "14 s"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task An_event_carries_its_json()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"POST {Instances}/a-1/raiseEvent/Approval", 202, string.Empty);

        CliCall call = await CliCall.RunAsync(host, "instances", "raise-event", "a-1", "Approval", "--data", """{"by":"ann"}""");

        Assert.Equal(0, call.ExitCode);
        Assert.Equal("""{"by":"ann"}""", Assert.Single(host.Requests).Body);
    }

    [Fact]
    public async Task An_event_that_is_not_json_is_not_sent()
    {
        await using FakeHost host = await FakeHost.StartAsync();

        CliCall call = await CliCall.RunAsync(host, "instances", "raise-event", "a-1", "Approval", "--data", "approved");

        Assert.Equal(2, call.ExitCode);
        Assert.Empty(host.Requests);
    }

    [Fact]
    public async Task An_event_without_data_carries_null()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"POST {Instances}/a-1/raiseEvent/Go", 202, string.Empty);

        await CliCall.RunAsync(host, "instances", "raise-event", "a-1", "Go");

        Assert.Equal("null", Assert.Single(host.Requests).Body);
    }

    [Fact]
    public async Task Purging_many_needs_a_beginning_and_says_how_many_went()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"DELETE {Instances}", 200, """{"instancesDeleted":7}""");

        CliCall refused = await CliCall.RunAsync(host, "instances", "purge", "--status", "Failed");
        CliCall call = await CliCall.RunAsync(host, "instances", "purge", "--created-from", "2026-01-31T00:00Z", "--status", "Failed");

        Assert.Equal(2, refused.ExitCode);
        Assert.Equal((0, "7 deleted"), (call.ExitCode, call.Out.Trim()));
        Assert.Equal("?runtimeStatus=Failed&createdTimeFrom=2026-01-31T00:00:00.0000000Z", Assert.Single(host.Requests).Query);
    }

    [Fact]
    public async Task Restart_takes_a_new_id_unless_told_otherwise()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"POST {Instances}/a-1/restart", 202, """{"id":"b-2"}""");

        CliCall call = await CliCall.RunAsync(host, "instances", "restart", "a-1");
        await CliCall.RunAsync(host, "instances", "restart", "a-1", "--same-id");

        Assert.Equal("started b-2", call.Out.Trim());
        Assert.Equal(["?restartWithNewInstanceId=true", "?restartWithNewInstanceId=false"], host.Requests.Select(r => r.Query));
    }

    [Fact]
    public async Task An_unknown_instance_is_named()
    {
        await using FakeHost host = await FakeHost.StartAsync();

        CliCall call = await CliCall.RunAsync(host, "instances", "show", "nobody");

        Assert.Equal(1, call.ExitCode);
        Assert.Contains("nobody", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Waiting_ends_with_the_run_and_answers_for_it()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        int polls = 0;
        host.On(
            $"GET {Instances}/a-1",
            _ =>
                ++polls < 3
                    ? new Reply(
                        202,
                        $$"""{"instanceId":"a-1","runtimeStatus":"Running","customStatus":{"total":4,"done":{{polls}},"failed":1} }"""
                    )
                    : new Reply(200, """{"instanceId":"a-1","runtimeStatus":"Failed","output":"boom"}""")
        );

        CliCall call = await CliCall.RunAsync(host, "instances", "wait", "a-1");

        Assert.Equal(1, call.ExitCode);
        Assert.Equal(3, polls);
        Assert.Contains("a-1: 2/4 partitions (50 %), 1 failed", call.Error, StringComparison.Ordinal);
        Assert.Contains("boom", call.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", call.Out + call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupting_a_wait_leaves_the_run_alone_and_says_how_to_come_back()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        using CancellationTokenSource interrupt = new();
        host.On(
            $"GET {Instances}/a-1",
            _ =>
            {
                interrupt.Cancel();
                return new Reply(202, """{"instanceId":"a-1","runtimeStatus":"Running"}""");
            }
        );

        CliCall call = await CliCall.RunAsync(["instances", "wait", "a-1", "--url", host.Url], interrupt.Token);

        Assert.Equal(130, call.ExitCode);
        Assert.Contains("a-1 continues in its host.", call.Error, StringComparison.Ordinal);
        Assert.Contains("durable instances wait a-1", call.Error, StringComparison.Ordinal);
        Assert.All(host.Requests, r => Assert.Equal("GET", r.Method));
    }

    [Theory]
    [InlineData(false, "the next ./run continues where it was")]
    [InlineData(true, "the next ./run pothole does its work again, from the start")]
    public async Task Interrupting_the_command_that_owns_the_app_says_what_becomes_of_the_run(bool onSandbox, string truth)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        using CancellationTokenSource interrupt = new();
        host.On("POST /api/pothole", 202, """{"id":"pothole-2026-02-12"}""")
            .On(
                $"GET {Instances}/pothole-2026-02-12",
                _ =>
                {
                    interrupt.Cancel();
                    return new Reply(202, """{"instanceId":"pothole-2026-02-12","runtimeStatus":"Running"}""");
                }
            );

        CliCall call = await CliCall.RunAsync(
            ["pothole", "run", "--date", "2026-02-12", "--url", host.Url],
            Screen.PipedWidth,
            interrupt.Token,
            "./run",
            onSandbox
        );

        Assert.Equal(130, call.ExitCode);
        Assert.Contains(truth, call.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("continues in its host", call.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("instances terminate", call.Error, StringComparison.Ordinal);
    }

    private static string Instance(string id, string status) =>
        $$"""{"name":"Wash","instanceId":"{{id}}","runtimeStatus":"{{status}}","createdTime":"2026-01-02T03:04:05Z","lastUpdatedTime":"2026-01-02T03:04:06Z"}""";
}
