using System.Globalization;
using Durable.Host.History;
using Durable.Tests.Host.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Management;

public sealed class InstanceTests
{
    private const string Json = "application/json; charset=utf-8";
    private static readonly DateTime At = new(2026, 3, 4, 12, 0, 0, 120, DateTimeKind.Utc);

    [Fact]
    public async Task A_status_shows_the_recorded_fields_in_their_order()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put(
            "a",
            OrchestrationRuntimeStatus.Completed,
            input: "{\"b\": 1}",
            output: "\"Hello 'x' & é\"",
            customStatus: "{\"stage\":1}"
        );
        (await host.GetAsync("/instances/a")).Is(
            200,
            """
            {"name":"Hello","instanceId":"a","runtimeStatus":"Completed","input":{"b": 1},"customStatus":{"stage":1},"output":"Hello 'x' & é",
            "createdTime":"2026-03-04T12:00:00Z","lastUpdatedTime":"2026-03-04T12:00:02Z"}
            """.ReplaceLineEndings(string.Empty),
            Json
        );
        Assert.Contains("\"input\":null", (await host.GetAsync("/instances/a?showInput=FALSE")).Text, StringComparison.Ordinal);
        Assert.Contains("\"input\":{\"b\": 1}", (await host.GetAsync("/instances/a?showInput=0")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_instance_answers_202_and_points_at_itself_as_it_was_asked()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a:child");
        Answer answer = await host.GetAsync("/instances/a:child?code=x&showInput=false");
        Assert.Equal((202, "5"), (answer.Status, answer.Headers["Retry-After"]));
        Assert.Equal($"{host.Origin}/runtime/webhooks/durabletask/instances/a:child?code=x&showInput=false", answer.Headers["Location"]);
    }

    [Theory]
    [InlineData(
        OrchestrationRuntimeStatus.Failed,
        "",
        200,
        "System.InvalidOperationException: no",
        "\"System.InvalidOperationException: no\""
    )]
    [InlineData(
        OrchestrationRuntimeStatus.Failed,
        "?returnInternalServerErrorOnFailure=true",
        500,
        "{\"message\":\"m\",\"details\":null}",
        "{\"message\":\"m\",\"details\":null}"
    )]
    [InlineData(OrchestrationRuntimeStatus.Terminated, "", 200, "enough", "\"enough\"")]
    [InlineData(OrchestrationRuntimeStatus.Suspended, "", 202, "", "null")]
    public async Task An_output_that_is_no_json_is_shown_as_text(
        OrchestrationRuntimeStatus status,
        string query,
        int code,
        string output,
        string shown
    )
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a", status, output: output, outputIsText: true);
        Answer answer = await host.GetAsync("/instances/a" + query);
        Assert.Equal(code, answer.Status);
        Assert.Contains($"\"output\":{shown},", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_history_shows_a_call_and_its_result_as_one()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a");
        host.Hub.History.AddRange([
            new(EventKind.OrchestratorStarted, -1, At),
            new(EventKind.ExecutionStarted, -1, At, "Hello", "\"in\"", new EventDetail { Generation = 0 }),
            new(EventKind.TaskScheduled, 0, At.AddMilliseconds(1), "Greet", "\"x\""),
            new(EventKind.TaskScheduled, 1, At.AddMilliseconds(2), "Slow"),
            new(EventKind.TimerCreated, 2, At, Detail: new EventDetail { FireAt = At.AddSeconds(5) }),
            new(EventKind.TaskCompleted, 0, At.AddMilliseconds(3), Data: "{\"r\":1}"),
            new(EventKind.EventRaised, -1, At, "Go", "\"e\""),
            new(EventKind.ExecutionSuspended, -1, At, Data: "hold"),
            new(EventKind.GenericEvent, -1, At, Data: "again"),
        ]);
        string local = new DateTimeOffset(At.AddMilliseconds(1))
            .ToLocalTime()
            .ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture);
        string expected = $$"""
            [{"EventType":"ExecutionStarted","Input":"\"in\"","Correlation":null,"ParentTraceContext":null,"ScheduledStartTime":null,"Generation":0,
            "GenerateNewTrace":false,"Timestamp":"2026-03-04T12:00:00.12Z","FunctionName":"Hello"},
            {"EventType":"TaskScheduled","Name":"Slow","Input":null,"ParentTraceContext":null,"Tags":{},"Timestamp":"2026-03-04T12:00:00.122Z"},
            {"EventType":"TimerCreated","FireAt":"2026-03-04T12:00:05.12Z","Timestamp":"2026-03-04T12:00:00.12Z"},
            {"EventType":"TaskCompleted","Result":{"r":1},"Timestamp":"2026-03-04T12:00:00.123Z","ScheduledTime":"{{local}}","FunctionName":"Greet","Input":null},
            {"EventType":"EventRaised","Name":"Go","Input":"\"e\"","ParentTraceContext":null,"Timestamp":"2026-03-04T12:00:00.12Z"},
            {"EventType":"ExecutionSuspended","Reason":"hold","Timestamp":"2026-03-04T12:00:00.12Z"},
            {"Data":"again","EventType":"GenericEvent","Timestamp":"2026-03-04T12:00:00.12Z"}]}
            """.ReplaceLineEndings(string.Empty);

        Assert.EndsWith(
            ",\"historyEvents\":" + expected,
            (await host.GetAsync("/instances/a?showHistory=true&showHistoryOutput=true")).Text,
            StringComparison.Ordinal
        );
        string plain = (await host.GetAsync("/instances/a?showHistory=TRUE")).Text;
        Assert.EndsWith(expected.Replace("\"Result\":{\"r\":1},", string.Empty, StringComparison.Ordinal), plain, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "historyEvents",
            (await host.GetAsync("/instances/a?showHistoryOutput=true&showHistory=yes")).Text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_failure_in_the_history_shows_its_chain()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a", OrchestrationRuntimeStatus.Failed);
        FailureInfo failure = new("System.InvalidOperationException", "outer", "at X", new FailureInfo("System.TimeoutException", "inner"));
        host.Hub.History.Add(
            new HistoryEvent(
                EventKind.ExecutionCompleted,
                -1,
                At,
                Data: "outer",
                Detail: new EventDetail { Status = "Failed", Failure = failure }
            )
        );
        Assert.EndsWith(
            """
            "historyEvents":[{"EventType":"ExecutionCompleted","OrchestrationStatus":"Failed","Result":"outer","FailureDetails":{"ErrorType":"System.InvalidOperationException",
            "ErrorMessage":"outer","StackTrace":"at X","InnerFailure":{"ErrorType":"System.TimeoutException","ErrorMessage":"inner","StackTrace":null,"InnerFailure":null,
            "IsNonRetriable":false,"Properties":{}},"IsNonRetriable":false,"Properties":{}},"Timestamp":"2026-03-04T12:00:00.12Z"}]}
            """.ReplaceLineEndings(string.Empty),
            (await host.GetAsync("/instances/a?showHistory=true&showHistoryOutput=true")).Text,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("raiseEvent/Go", "running", 202), InlineData("raiseEvent/Go", "done", 410), InlineData("raiseEvent/Go", "none", 404)]
    [InlineData("terminate?reason=x", "running", 202), InlineData("terminate", "done", 410), InlineData("terminate", "none", 404)]
    [
        InlineData("suspend", "running", 202),
        InlineData("suspend", "done", 410),
        InlineData("suspend", "suspended", 500),
        InlineData("suspend", "none", 404)
    ]
    [
        InlineData("resume", "suspended", 202),
        InlineData("resume", "done", 410),
        InlineData("resume", "running", 500),
        InlineData("resume", "none", 404)
    ]
    [InlineData("TERMINATE", "running", 202), InlineData("nosuch", "running", 404), InlineData("raiseEvent", "running", 404)]
    public async Task A_command_answers_by_the_state_of_its_instance(string command, string id, int status)
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("running");
        host.Hub.Put("suspended", OrchestrationRuntimeStatus.Suspended);
        host.Hub.Put("done", OrchestrationRuntimeStatus.Completed);
        host.Hub.Put("failed", OrchestrationRuntimeStatus.Failed);
        Answer answer = await host.PostAsync($"/instances/{id}/{command}", "1");
        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 202 ? 1 : 0, host.Hub.Messages.Count);
        if (status != 500)
            Assert.Empty(answer.Text);
        else
            Assert.Contains(
                $"Cannot {command} the orchestration instance {id} because instance is in the {(id == "running" ? "Running" : "Suspended")} state.",
                answer.Text,
                StringComparison.Ordinal
            );
    }

    [Theory]
    [InlineData("failed", 202, "")]
    [InlineData(
        "done",
        412,
        """ "This orchestration has status Completed, but only orchestrations in the \"Failed\" state can be rewound." """
    )]
    [InlineData(
        "running",
        412,
        """ "This orchestration has status Running, but only orchestrations in the \"Failed\" state can be rewound." """
    )]
    [InlineData("none", 404, """ "No orchestration with instance ID \"$none\" found." """)]
    public async Task Only_a_failed_instance_is_rewound(string id, int status, string text)
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("running");
        host.Hub.Put("done", OrchestrationRuntimeStatus.Completed);
        host.Hub.Put("failed", OrchestrationRuntimeStatus.Failed);
        Answer answer = await host.PostAsync($"/instances/{id}/rewind?reason=x");
        Assert.Equal((status, text.Trim()), (answer.Status, answer.Text));
    }

    [Fact]
    public async Task A_child_names_its_parent()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a:child", parentId: "a");
        host.Hub.History.AddRange([
            new(EventKind.SubOrchestrationInstanceCreated, 0, At, "Hello", Detail: new EventDetail { InstanceId = "a:child:child" }),
            new(EventKind.SubOrchestrationInstanceCompleted, 0, At, Data: "1"),
        ]);
        string text = (await host.GetAsync("/instances/a:child?showHistory=true")).Text;
        Assert.Contains("\"instanceId\":\"a:child\",\"parentInstanceId\":\"a\",\"runtimeStatus\"", text, StringComparison.Ordinal);
        Assert.Contains("\"FunctionName\":\"Hello\",\"InstanceId\":\"a:child:child\",\"Input\":null}", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_must_be_json_and_say_so()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a");
        using StringContent text = new("1", System.Text.Encoding.UTF8, "text/plain");
        using HttpResponseMessage plain = await host.Http.Client.PostAsync(ManagementHost.Base + "/instances/a/raiseEvent/E", text);
        Assert.Equal(
            (400, "{\"Message\":\"Only application/json request content is supported\"}"),
            ((int)plain.StatusCode, await plain.Content.ReadAsStringAsync())
        );

        Answer empty = await host.PostAsync("/instances/a/raiseEvent/E", string.Empty);
        Assert.Equal(400, empty.Status);
        Assert.Contains("Error reading JToken from JsonReader. Path '', line 0, position 0.", empty.Text, StringComparison.Ordinal);

        Assert.Equal(202, (await host.PostAsync("/instances/a/raiseEvent/a%20b", " [1, \"x\"] ")).Status);
        Assert.Equal(("a b", "[1,\"x\"]"), (host.Hub.Messages[0].Message.Name, host.Hub.Messages[0].Message.Data));
    }

    [Fact]
    public async Task A_listing_is_filtered_and_paged_by_header()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        foreach (string id in (string[])["q1", "q2", "q3"])
            host.Hub.Put(id, OrchestrationRuntimeStatus.Completed);
        host.Hub.Put("q4", OrchestrationRuntimeStatus.Failed);

        Answer first = await host.GetAsync("/instances?instanceIdPrefix=q&top=3");
        string token = first.Headers["x-ms-continuation-token"];
        Assert.Equal(["q1", "q2", "q3"], Ids(first));
        Answer second = await host.GetAsync("/instances/?instanceIdPrefix=q&top=3", ("x-ms-continuation-token", token));
        Assert.Equal(["q4"], Ids(second));
        Assert.DoesNotContain("x-ms-continuation-token", second.Headers.Keys, StringComparer.OrdinalIgnoreCase);

        Assert.Equal(["q4"], Ids(await host.GetAsync("/instances?runtimeStatus=Failed,Running&createdTimeFrom=nonsense&top=abc")));
        Assert.Equal(4, Ids(await host.GetAsync("/instances?runtimeStatus=completed")).Length); // spelled otherwise it is no filter
        Assert.Empty(Ids(await host.GetAsync("/instances?createdTimeTo=2020-01-01")));
        Assert.Empty(Ids(await host.GetAsync("/instances", ("x-ms-continuation-token", "garbage"))));
        Assert.Equal(400, (await host.GetAsync("/instances?top=-1")).Status);
    }

    [Fact]
    public async Task Purging_counts_what_it_deletes_and_refuses_a_filter_it_cannot_read()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a", OrchestrationRuntimeStatus.Completed);
        host.Hub.Put("b");
        (await host.DeleteAsync("/instances/a")).Is(200, "{\"instancesDeleted\":1}", Json);
        (await host.DeleteAsync("/instances/a")).Is(404);
        (await host.DeleteAsync("/instances")).Is(400, "\"Please provide value for 'createdTimeFrom' parameter.\"", Json);
        Assert.Equal(400, (await host.DeleteAsync("/instances?createdTimeFrom=2020-01-01&runtimeStatus=Finished")).Status);
        (await host.DeleteAsync("/instances?createdTimeFrom=2020-01-01&runtimeStatus=Failed")).Is(404);
        host.Hub.Put("c", OrchestrationRuntimeStatus.Failed);
        (await host.DeleteAsync("/instances?createdTimeFrom=2020-01-01&createdTimeTo=2100-01-01")).Is(
            200,
            "{\"instancesDeleted\":1}",
            Json
        );
        Assert.Equal(202, (await host.GetAsync("/instances/b")).Status); // it runs
    }

    [Fact]
    public async Task A_running_instance_is_not_purged()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("b");
        (await host.DeleteAsync("/instances/b")).Is(
            412,
            "\"Only orchestrations in a terminal state can be purged, but the orchestration with instance ID b has status Running\"",
            Json
        );
        Assert.Equal(400, (await host.DeleteAsync("/instances?createdTimeFrom=2020-01-01&runtimeStatus=Completed,Running")).Status);
        Assert.Equal(202, (await host.GetAsync("/instances/b")).Status);
    }

    [Theory]
    [InlineData("DELETE", "/instances?createdTimeFrom=2020-01-01&status=Completed", "status")]
    [InlineData("DELETE", "/instances?createdTimeFrom=2020-01-01&createdTimeUntil=2021-01-01", "createdTimeUntil")]
    [InlineData("DELETE", "/instances/done?dryRun=true", "dryRun")]
    [InlineData("POST", "/instances/running/terminate?because=x", "because")]
    [InlineData("POST", "/instances/done/restart?withNewInstanceId=false", "withNewInstanceId")]
    public async Task A_destructive_call_refuses_a_parameter_it_does_not_know(string verb, string path, string name)
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("done", OrchestrationRuntimeStatus.Completed);
        host.Hub.Put("running");

        Answer answer = await host.Http.SendAsync(verb, ManagementHost.Base + path);

        Assert.Equal(400, answer.Status);
        Assert.Contains($"'{name}' is no parameter of this call; nothing was done.", answer.Text, StringComparison.Ordinal);
        Assert.Equal((2, 0, 0), (Ids(await host.GetAsync("/instances")).Length, host.Hub.Messages.Count, host.Hub.Starts.Count));
    }

    [
        Theory,
        InlineData("PUT", "/instances/a"),
        InlineData("GET", "/orchestrators/Hello"),
        InlineData("HEAD", "/instances/a"),
        InlineData("POST", "/nosuch"),
        InlineData("POST", "/instances")
    ]
    public async Task A_wrong_verb_or_route_is_404_and_never_405(string verb, string path)
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a");
        Answer answer = await host.Http.SendAsync(verb, ManagementHost.Base + path);
        answer.Is(404);
        Assert.DoesNotContain("Allow", answer.Headers.Keys);
    }

    [Fact]
    public async Task An_outage_is_reported_without_internals()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Outage = new IOException("host=db.internal password=hunter2");
        Answer answer = await host.GetAsync("/instances/a");
        Assert.Equal(500, answer.Status);
        Assert.DoesNotContain("hunter2", answer.Text, StringComparison.Ordinal);
        Assert.Contains(host.Http.Log.Lines, l => l.Contains("through the management API failed", StringComparison.Ordinal));
    }

    private static string[] Ids(Answer answer)
    {
        Assert.Equal(200, answer.Status);
        using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(answer.Text);
        return [.. json.RootElement.EnumerateArray().Select(i => i.GetProperty("instanceId").GetString()!)];
    }
}
