namespace Durable.Tests.Cli;

public sealed class LeaseCommandTests
{
    private const string Lease = """
        {"cluster":"spark","runId":"a/1","state":"held","overdue":true,"deadline":"2026-02-12T03:00:00Z","secondsBilled":0,"costUsd":0,"closedBy":null,
         "machines":[{"id":"i-1","state":"running"},{"id":"i-2","state":"stopping"}]}
        """;

    [Fact]
    public async Task Leases_are_listed_with_what_is_overdue_and_the_next_page()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /api/operations/leases", _ => new Reply(200, $$"""{"leases":[{{Lease}}],"before":7}"""));

        CliCall call = await CliCall.RunAsync(host, "leases", "list", "--state", "overdue", "--cluster", "spark", "--top", "1");

        Assert.Equal(0, call.ExitCode);
        Assert.Equal(
            """
            run  state          machines               USD  seconds  deadline     cluster  closed by
            a/1  held, overdue  1 running, 1 stopping    0        0  02-12 03:00  spark

            """,
            call.Out
        );
        Assert.Contains("--before 7", call.Error, StringComparison.Ordinal);
        Assert.Equal("?state=overdue&cluster=spark&top=1", Assert.Single(host.Requests).Query);
    }

    [Fact]
    public async Task All_pages_are_followed()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            "GET /api/operations/leases",
            asked => new Reply(
                200,
                asked.Query.Contains("before=7", StringComparison.Ordinal)
                    ? $$"""{"leases":[{{Lease}}]}"""
                    : $$"""{"leases":[{{Lease}}],"before":7}"""
            )
        );

        CliCall call = await CliCall.RunAsync(host, "leases", "list", "--all", "--output", "json");

        Assert.Equal(2, System.Text.Json.Nodes.JsonNode.Parse(call.Out)!.AsArray().Count);
    }

    [Fact]
    public async Task An_unknown_state_is_bad_usage_in_the_hosts_words()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            "GET /api/operations/leases",
            400,
            """{"error":"invalid options","fields":{"state":"'lost' is not known; allowed: open"}}"""
        );

        CliCall call = await CliCall.RunAsync(host, "leases", "list", "--state", "lost");

        Assert.Equal((2, "state: 'lost' is not known; allowed: open"), (call.ExitCode, call.Error.Trim()));
        Assert.Equal("?state=lost", Assert.Single(host.Requests).Query);
    }

    [Fact]
    public async Task A_run_is_cancelled_with_its_reason()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/operations/runs/pothole-2026-02-12/cancel", _ => new Reply(202, """{"id":"pothole-2026-02-12"}"""));

        CliCall call = await CliCall.RunAsync(host, "instances", "cancel", "pothole-2026-02-12", "--reason", "wrong date");

        Assert.Equal((0, "cancel accepted for pothole-2026-02-12"), (call.ExitCode, call.Out.Trim()));
        Assert.Equal("?reason=wrong date", Assert.Single(host.Requests).Query);
    }
}
