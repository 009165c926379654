using System.Text.Json.Nodes;

namespace Durable.Tests.Cli;

/// <summary>What each <c>durable spot</c> command sends, and what its end means.</summary>
public sealed class SpotCommandTests
{
    [Theory]
    [InlineData(
        "spot gaps --from 2026-11-26T10:20 --to 2026-11-26T10:30",
        "GET /api/spot/gaps",
        "?from=2026-11-26T10:20&to=2026-11-26T10:30"
    )]
    [InlineData(
        "spot latest --type m5.large --region r --zone z --at 2026-11-26T10:20Z --limit 5",
        "GET /api/spot/market",
        "?type=m5.large&region=r&zone=z&at=2026-11-26T10:20Z&limit=5"
    )]
    [InlineData("spot latest", "GET /api/spot/market", "")]
    [InlineData(
        "spot history --type m5.large --region r --zone z --from a --to b",
        "GET /api/spot/history",
        "?type=m5.large&region=r&zone=z&from=a&to=b"
    )]
    [InlineData("spot slot --slot 2026-11-26", "GET /api/spot/slots/2026-11-26", "")]
    public async Task What_is_asked_for_is_sent(string command, string route, string query)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(route, _ => new Reply(200, """{"slot":"present","rows":[],"changes":[{"zone":"present"}]}"""));
        CliCall call = await CliCall.RunAsync(host, command.Split(' '));
        Assert.Equal((0, query), (call.ExitCode, Uri.UnescapeDataString(Assert.Single(host.Requests).Query)));
        Assert.Contains("present", call.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "spot run --slot s --max-removed-share 0.5 --plan p --no-wait",
        "POST /api/spot",
        """{"slot":"s","maxRemovedShare":0.5,"plan":"p"}"""
    )]
    [InlineData("spot run --no-wait", "POST /api/spot", "{}")]
    [InlineData("spot backfill --from a --to b --plan p --no-wait", "POST /api/spot/backfill", """{"from":"a","to":"b","plan":"p"}""")]
    [InlineData("spot workload --date d --no-wait", "POST /api/spot/workload", """{"date":"d"}""")]
    [InlineData("spot plan --slot s", "POST /api/spot", """{"slot":"s","dryRun":true}""")]
    [InlineData("spot plan --from a --to b", "POST /api/spot/backfill", """{"from":"a","to":"b","dryRun":true}""")]
    public async Task What_is_started_is_sent(string command, string route, string body)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(route, _ => new Reply(202, """{"id":"spot-1"}"""));
        CliCall call = await CliCall.RunAsync(host, command.Split(' '));
        Assert.Equal(0, call.ExitCode);
        string sent = Assert.Single(host.Requests).Body;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(body), JsonNode.Parse(sent)), sent);
    }

    [Fact]
    public async Task A_slot_that_is_there_is_shown_and_nothing_is_started()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
                "POST /api/spot",
                409,
                """{"error":"Slot 2026-11-26T10:20 is in the history.","slot":"2026-11-26T10:20","next":"2026-11-26T10:30","instance":"spot-20261126-1020"}"""
            )
            .On("GET /api/spot/slots/2026-11-26T10:20", 200, """{"slot":"2026-11-26T10:20","state":"present","rows":720,"runs":[]}""");
        CliCall call = await CliCall.RunAsync(host, "spot", "run");
        Assert.Equal(0, call.ExitCode);
        Assert.Equal(
            "Nothing to do: slot 2026-11-26T10:20 is there. A slot is collected once; the next begins at 2026-11-26T10:30 UTC.",
            call.Error.Trim()
        );
        Assert.Contains("720", call.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_that_no_longer_holds_is_a_failure_in_sentences()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            "POST /api/spot",
            409,
            """{"error":"The plan ab no longer holds.","difference":["2026-11-26T10:20: missing, now present"]}"""
        );
        CliCall call = await CliCall.RunAsync(host, "spot", "run", "--plan", "ab");
        Assert.Equal((1, ""), (call.ExitCode, call.Out));
        Assert.Equal($"The plan ab no longer holds.{Environment.NewLine}  2026-11-26T10:20: missing, now present", call.Error.Trim());
    }

    [
        Theory,
        InlineData("spot history --type a"),
        InlineData("spot slot"),
        InlineData("spot latest --limit many"),
        InlineData("spot run --max-removed-share lots"),
        InlineData("spot rum")
    ]
    public async Task A_wrong_command_line_is_bad_usage(string command) =>
        Assert.Equal(2, (await CliCall.RunAsync(command.Split(' '))).ExitCode);
}
