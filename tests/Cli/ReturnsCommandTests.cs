using System.Text.Json.Nodes;

namespace Durable.Tests.Cli;

/// <summary>What each <c>durable returns</c> command sends, and what its end means.</summary>
public sealed class ReturnsCommandTests
{
    private const string Nothing = """{"skipDataPrep":false,"force":false}""";

    [Theory]
    [InlineData(
        "train --limit 5 --since 2025-12-01 --force --instance-type ml.m5.large --framework-version 2.2 --plan 0123456789abcdef --no-wait",
        "POST /api/returns",
        """{"skipDataPrep":false,"force":true,"limit":5,"since":"2025-12-01","instanceType":"ml.m5.large","frameworkVersion":"2.2","planHash":"0123456789abcdef"}"""
    )]
    [InlineData("train --skip-data-prep --no-wait", "POST /api/returns", """{"skipDataPrep":true,"force":false}""")]
    [InlineData("train --no-wait", "POST /api/returns", Nothing)]
    [InlineData("plan --limit 5", "POST /api/returns", """{"skipDataPrep":false,"force":false,"limit":5,"dryRun":true}""")]
    [InlineData("infer --no-wait", "POST /api/returns/inference", "{}")]
    [InlineData("predict", "POST /api/returns/predict", "{}")]
    [InlineData("predict --base-ts 2025-12-23T08:00:00Z", "POST /api/returns/predict", """{"base_ts":"2025-12-23T08:00:00Z"}""")]
    [InlineData("rollback", "POST /api/returns/rollback", "{}")]
    [InlineData("rollback --to v1", "POST /api/returns/rollback", """{"version":"v1"}""")]
    public async Task What_is_asked_for_is_sent(string command, string route, string body)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(route, 202, """{"id":"returns-training"}""");
        CliCall call = await CliCall.RunAsync(host, ["returns", .. command.Split(' ')]);
        Assert.True(call.ExitCode == 0, call.Error);
        string sent = Assert.Single(host.Requests).Body;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(body), JsonNode.Parse(sent)), sent);
    }

    [
        Theory,
        InlineData("status", "GET /api/returns"),
        InlineData("models", "GET /api/returns/models"),
        InlineData("cancel", "POST /api/operations/runs/returns-training/cancel")
    ]
    public async Task What_is_read_and_cancelled_has_its_route(string command, string route)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(route, 200, "{}");
        Assert.Equal(0, (await CliCall.RunAsync(host, "returns", command)).ExitCode);
        Asked asked = Assert.Single(host.Requests);
        Assert.Equal(route, $"{asked.Method} {asked.Path}");
    }

    [Theory]
    [
        InlineData("train --limit many"),
        InlineData("train --limit"),
        InlineData("train --colour red"),
        InlineData("trian"),
        InlineData("predict --jsonl /no/such/file"),
        InlineData("rollback --version 1")
    ]
    public async Task A_wrong_command_line_is_bad_usage_and_nothing_is_sent(string command)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        Assert.Equal(2, (await CliCall.RunAsync(host, ["returns", .. command.Split(' ')])).ExitCode);
        Assert.Empty(host.Requests);
    }

    [Fact]
    public async Task A_refusal_of_the_host_is_shown_by_field()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            "POST /api/returns",
            400,
            """{"error":"invalid options","fields":{"limit":"'0' is out of range; allowed: 1 to 10000000"}}"""
        );
        CliCall call = await CliCall.RunAsync(host, "returns", "train", "--limit", "0");
        Assert.Equal(2, call.ExitCode);
        Assert.Contains("'0' is out of range; allowed: 1 to 10000000", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_goes_out_in_parts_and_its_lines_keep_their_numbers()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            "POST /api/returns/predict/batch",
            asked => new Reply(
                200,
                string.Concat(
                    asked
                        .Body.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                        .Select(
                            (text, at) => $$"""{"line":{{at + 1}},{{(text == "bad" ? "\"error\":\"not JSON\"" : "\"pred\":{}")}}}""" + "\n"
                        )
                )
            )
        );
        string lines = Path.GetTempFileName(),
            answers = Path.GetTempFileName();
        await File.WriteAllTextAsync(lines, string.Concat(Enumerable.Repeat("{}\n", 1100)) + "bad\n");
        CliCall call = await CliCall.RunAsync(host, "returns", "predict", "--jsonl", lines, "--output-file", answers);
        Assert.Equal((1, 3), (call.ExitCode, host.Requests.Count));
        int[] numbers = [.. (await File.ReadAllLinesAsync(answers)).Select(line => JsonNode.Parse(line)!["line"]!.GetValue<int>())];
        Assert.Equal(Enumerable.Range(1, 1101), numbers);
        Assert.Contains("1 of 1101 lines could not be predicted", call.Error, StringComparison.Ordinal);
        foreach (string file in new[] { lines, answers })
            File.Delete(file);
    }
}
