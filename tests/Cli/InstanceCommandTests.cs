using System.Text.Json.Nodes;

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
            instance  name  status   created               last updated
            a-1       Wash  Running  2026-01-02 03:04:05Z  2026-01-02 03:04:06Z

            """,
            call.Out);
        Assert.Contains("--continuation-token 'next'", call.Error, StringComparison.Ordinal);
        Asked asked = Assert.Single(host.Requests);
        Assert.Equal("?runtimeStatus=Running,Failed&instanceIdPrefix=a-&top=1&showInput=false", asked.Query);
    }

    [Fact]
    public async Task All_pages_are_followed_by_their_tokens()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"GET {Instances}", asked => asked.Headers.TryGetValue("x-ms-continuation-token", out string? token) && token == "next"
            ? new Reply(200, $"[{Instance("a-2", "Completed")}]")
            : new Reply(200, $"[{Instance("a-1", "Running")}]", "next"));

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

    [Fact]
    public async Task Steering_what_has_ended_fails_and_says_so()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On($"POST {Instances}/a-1/terminate", 410, string.Empty);

        CliCall call = await CliCall.RunAsync(host, "instances", "terminate", "a-1");

        Assert.Equal((1, "The instance has already ended."), (call.ExitCode, call.Error.Trim()));
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
        host.On($"GET {Instances}/a-1", _ => ++polls < 3
            ? new Reply(202, $$"""{"instanceId":"a-1","runtimeStatus":"Running","customStatus":{"total":4,"done":{{polls}},"failed":1} }""")
            : new Reply(200, """{"instanceId":"a-1","runtimeStatus":"Failed","output":"boom"}"""));

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
        host.On($"GET {Instances}/a-1", _ =>
        {
            interrupt.Cancel();
            return new Reply(202, """{"instanceId":"a-1","runtimeStatus":"Running"}""");
        });

        CliCall call = await CliCall.RunAsync(["instances", "wait", "a-1", "--url", host.Url], interrupt.Token);

        Assert.Equal(130, call.ExitCode);
        Assert.Contains("durable instances wait a-1", call.Error, StringComparison.Ordinal);
        Assert.All(host.Requests, r => Assert.Equal("GET", r.Method));
    }

    private static string Instance(string id, string status) =>
        $$"""{"name":"Wash","instanceId":"{{id}}","runtimeStatus":"{{status}}","createdTime":"2026-01-02T03:04:05Z","lastUpdatedTime":"2026-01-02T03:04:06Z"}""";
}
