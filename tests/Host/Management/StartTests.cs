using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Management;

public sealed class StartTests
{
    [Fact]
    public async Task A_start_answers_with_every_link_form_encoded()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Answer answer = await host.PostAsync("/orchestrators/hello/a%20b:1", "{ \"x\" : [ 1, \"a b\" ] }");

        string instance = $"{host.Origin}/runtime/webhooks/durabletask/instances/a+b%3A1";
        string code = answer.Headers["Location"][(answer.Headers["Location"].IndexOf("code=", StringComparison.Ordinal) + 5)..]; // of this instance's links
        string query = $"taskHub=TestHub&connection=Storage&code={code}";
        answer.Is(
            202,
            $$"""
            {"id":"a b:1","statusQueryGetUri":"{{instance}}?{{query}}","sendEventPostUri":"{{instance}}/raiseEvent/{eventName}?{{query}}",
            "terminatePostUri":"{{instance}}/terminate?reason={text}&{{query}}","purgeHistoryDeleteUri":"{{instance}}?{{query}}",
            "restartPostUri":"{{instance}}/restart?{{query}}","suspendPostUri":"{{instance}}/suspend?reason={text}&{{query}}",
            "resumePostUri":"{{instance}}/resume?reason={text}&{{query}}"}
            """.ReplaceLineEndings(string.Empty),
            "application/json; charset=utf-8"
        );
        Assert.Equal($"{instance}?{query}", answer.Headers["Location"]);
        Assert.Equal("10", answer.Headers["Retry-After"]);
        StartRequest start = Assert.Single(host.Hub.Starts);
        Assert.Equal(("a b:1", "hello", "{\"x\":[1,\"a b\"]}"), (start.InstanceId, start.Name, start.Input)); // the caller's spelling stays
    }

    [Fact]
    public async Task A_link_to_an_id_with_a_space_finds_its_instance()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a b");
        Assert.Equal(202, (await host.GetAsync("/instances/a+b")).Status);
        Assert.Equal(202, (await host.PostAsync("/instances/a+b/suspend")).Status);
        Assert.Equal("a b", host.Hub.Messages[0].InstanceId);
    }

    [Theory]
    [InlineData("{not json", "Invalid character after parsing property name. Expected ':' but got: j. Path '', line 1, position 5.")]
    [InlineData("12 34", "Additional text encountered after finished reading JSON content: 3. Path '', line 1, position 3.")]
    public async Task Bad_json_is_refused_in_the_words_of_the_extension(string body, string message)
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Answer answer = await host.PostAsync("/orchestrators/Hello/a", body);
        answer.Is(
            400,
            $$"""{"Message":"Invalid JSON content","ExceptionMessage":"{{message}}","ExceptionType":"Newtonsoft.Json.JsonReaderException","StackTrace":"not shown"}""",
            "application/json; charset=utf-8"
        );
        Assert.Empty(host.Hub.Starts);
    }

    [Theory]
    [InlineData("{'a':1}", "{\"a\":1}")]
    [InlineData("/* c */ 1.50", "1.5")]
    [InlineData(" \"\\ud800 2020-01-01T00:00:00.000Z\" ", "\"\\ud800 2020-01-01T00:00:00.000Z\"")]
    [InlineData("\n", null)]
    public async Task What_the_extension_takes_for_json_is_stored_strictly(string body, string? stored)
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Assert.Equal(202, (await host.PostAsync("/orchestrators/Hello/a", body)).Status);
        Assert.Equal(stored, host.Hub.Starts[0].Input);
    }

    [Theory]
    [InlineData("@a", "@a"), InlineData("a%23", "a#"), InlineData("a%3F", "a?"), InlineData("a%5C", "a\\"), InlineData("a%0A", "a\n")]
    public async Task An_id_may_hold_what_a_path_must_encode(string path, string id)
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Assert.Equal(202, (await host.PostAsync($"/orchestrators/Hello/{path}", "1")).Status);
        Assert.Equal(id, host.Hub.Starts[0].InstanceId);
        Assert.Equal(202, (await host.GetAsync($"/instances/{path}")).Status);
    }

    [Fact]
    public async Task An_id_that_cannot_be_kept_is_refused()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Answer answer = await host.PostAsync($"/orchestrators/Hello/{new string('x', 1025)}", "1");
        Assert.Equal(400, answer.Status);
        Assert.Contains("must not be longer than 1,024 characters", answer.Text, StringComparison.Ordinal);
        Assert.Empty(host.Hub.Starts);
    }

    [Fact]
    public async Task An_encoded_slash_is_found_nowhere()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Assert.Equal(404, (await host.PostAsync("/orchestrators/Hello/a%2Fx", "1")).Status);
        Assert.Empty(host.Hub.Starts);
    }

    [Fact]
    public async Task An_unknown_function_is_started_and_left_to_fail()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Assert.Equal(202, (await host.PostAsync("/orchestrators/NoSuch/a", "1")).Status);
        Assert.Equal("NoSuch", host.Hub.Starts[0].Name);
    }

    [Fact]
    public async Task An_id_that_has_not_finished_is_refused_with_its_status()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a", OrchestrationRuntimeStatus.Suspended);
        Answer answer = await host.PostAsync("/orchestrators/Hello/a", "1");
        answer.Is(
            409,
            """{"Message":"An Orchestration instance with the status Suspended already exists."}""",
            "application/json; charset=utf-8"
        );
    }

    [Fact]
    public async Task A_start_may_wait_for_the_output()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Task<Answer> waiting = host.PostAsync("/orchestrators/Hello/a?timeout=30&pollingInterval=1", "1");
        await Eventually.HoldsAsync(() => host.Hub.Starts.Count > 0);
        host.Hub.Put("a", OrchestrationRuntimeStatus.Completed, output: "{\"Name\":\"ADA\"}");
        (await waiting).Is(200, "{\"Name\":\"ADA\"}", "application/json; charset=utf-8");

        Answer late = await host.PostAsync("/orchestrators/Hello/b?timeout=0.05&pollingInterval=0.01", "1");
        Assert.Equal((202, "10"), (late.Status, late.Headers["Retry-After"]));

        Answer odd = await host.PostAsync("/orchestrators/Hello/c?timeout=1&pollingInterval=5", "1");
        odd.Is(400, """{"Message":"Total timeout 1 should be bigger than retry timeout 5"}""", "application/json; charset=utf-8");
        Assert.Equal("c", host.Hub.Starts[^1].InstanceId); // started before it was refused, as recorded
    }

    [Fact]
    public async Task A_restart_takes_a_new_id_unless_told_otherwise()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a", OrchestrationRuntimeStatus.Completed, input: "7");
        Assert.Equal(202, (await host.PostAsync("/instances/a/restart")).Status);
        Assert.Matches("^[0-9a-f]{32}$", host.Hub.Starts[0].InstanceId);
        Assert.Equal(202, (await host.PostAsync("/instances/a/restart?restartWithNewInstanceId=false")).Status);
        Assert.Equal(("a", "7"), (host.Hub.Starts[1].InstanceId, host.Hub.Starts[1].Input));
        Answer unknown = await host.PostAsync("/instances/none/restart");
        Assert.Equal(400, unknown.Status);
        Assert.Contains("InstanceId does not match a valid orchestration instance.", unknown.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_under_the_id_of_a_running_instance_is_refused()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        host.Hub.Put("a");
        (await host.PostAsync("/instances/a/restart?restartWithNewInstanceId=false")).Is(
            409,
            """
            {"Message":"A non-terminal instance with this instance ID already exists.","ExceptionMessage":"An Orchestration instance with the status Running already exists.",
            "ExceptionType":"DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException","StackTrace":"not shown"}
            """.ReplaceLineEndings(string.Empty),
            "application/json; charset=utf-8"
        );
    }

    [Fact]
    public async Task A_body_over_ten_megabytes_is_refused_with_the_limit()
    {
        await using ManagementHost host = await ManagementHost.StartAsync();
        Answer answer = await host.PostAsync("/orchestrators/Hello/a", $"\"{new string('x', 11 << 20)}\"");
        Assert.Equal(413, answer.Status);
        Assert.Contains("larger than 10 MB", answer.Text, StringComparison.Ordinal);
        Assert.Empty(host.Hub.Starts);
    }
}
