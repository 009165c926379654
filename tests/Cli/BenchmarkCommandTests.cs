using System.Text.Json.Nodes;

namespace Durable.Tests.Cli;

public sealed class BenchmarkCommandTests
{
    private const string Table = """
        {"alias":"champion","models":[
         {"model":"xgboost","data":"tabular","leastAccuracy":0.85,"state":"Passed","reason":null,"accuracy":0.9645,"trainSeconds":1.31,"modelBytes":716800,"version":2},
         {"model":"tensorflow-mlp","data":"mnist","leastAccuracy":0.95,"state":"NotRun","reason":"tensorflow is not installed in this image","accuracy":null,"trainSeconds":null,"modelBytes":null,"version":null}]}
        """;

    private const string Written = """
        model           data     accuracy  gate    time   size    version  verdict
        xgboost         tabular    0.9645  > 0.85  1.3 s  700 KB        2  Passed
        tensorflow-mlp  mnist              > 0.95                          NotRun
        tensorflow-mlp: tensorflow is not installed in this image

        """;

    [Fact]
    public async Task A_suite_is_started_watched_and_shown()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/benchmark", 202, """{"Id":"benchmark"}""")
            .On("GET /api/benchmark", 200, Table)
            .On(
                "GET /runtime/webhooks/durabletask/instances/benchmark",
                200,
                """{"runtimeStatus":"Completed","output":{"Verdict":"Incomplete","Failed":0}}"""
            );
        CliCall call = await CliCall.RunAsync(
            host,
            "benchmark",
            "run",
            "--model",
            "xgboost,tensorflow-mlp",
            "--seed",
            "7",
            "--train-rows",
            "500",
            "--epochs",
            "2",
            "--force",
            "--plan",
            "0123456789abcdef"
        );
        Assert.Equal(0, call.ExitCode);
        Assert.Equal(Written, call.Out);
        Assert.Contains("Incomplete. Some models could not be run here", call.Error, StringComparison.Ordinal);
        JsonNode body = JsonNode.Parse(host.Requests.First().Body)!;
        Assert.Equal(
            """{"force":true,"models":["xgboost","tensorflow-mlp"],"seed":7,"trainRows":500,"epochs":2,"planHash":"0123456789abcdef"}""",
            body.ToJsonString()
        );
    }

    [Fact]
    public async Task A_suite_whose_models_have_all_passed_has_nothing_to_do_and_names_force()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/benchmark", 202, """{"Id":"benchmark"}""")
            .On("GET /api/benchmark", 200, Table)
            .On(
                "GET /runtime/webhooks/durabletask/instances/benchmark",
                200,
                """{"runtimeStatus":"Completed","output":{"Verdict":"Passed","Failed":0,"Models":[],"Present":["xgboost","lightgbm"]}}"""
            );
        CliCall call = await CliCall.RunAsync(host, "benchmark", "run");
        Assert.Equal((0, Written), (call.ExitCode, call.Out));
        Assert.Contains("Nothing to do: xgboost, lightgbm passed before (--force trains again).", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_suite_is_reported_and_exits_with_1()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/benchmark", 409, """{"Id":"benchmark"}""")
            .On("GET /api/benchmark", 200, Table)
            .On(
                "GET /runtime/webhooks/durabletask/instances/benchmark",
                200,
                """{"runtimeStatus":"Failed","output":"1 of 2 models failed"}"""
            );
        CliCall call = await CliCall.RunAsync(host, "benchmark", "run");
        Assert.Equal(1, call.ExitCode);
        Assert.Contains("Already running as benchmark", call.Error, StringComparison.Ordinal);
        Assert.Contains("1 of 2 models failed", call.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CliCall.RunAsync(host, "benchmark", "run", "--no-wait")).ExitCode);
    }

    [Fact]
    public async Task Plan_status_compare_rollback_export_and_cancel_reach_their_routes()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/benchmark", 200, """{"hash":"0123456789abcdef","toFill":1}""")
            .On("GET /api/benchmark", 200, Table)
            .On("GET /api/benchmark/models/xgboost", 200, """{"versions":[]}""")
            .On(
                "GET /api/benchmark/comparison",
                asked => new Reply(200, asked.Query.Contains("svg", StringComparison.Ordinal) ? "<svg/>" : "# Benchmark")
            )
            .On("POST /api/benchmark/models/xgboost/rollback", 200, """{"from":2,"to":1}""")
            .On("POST /api/benchmark/export", 200, """{"sent":3}""")
            .On("POST /api/operations/runs/benchmark/cancel", 202, """{"Id":"benchmark"}""");
        string file = Path.GetTempFileName();
        (string[] Arguments, string Out)[] calls =
        [
            (["plan", "--model", "xgboost"], "0123456789abcdef"),
            (["status"], Written),
            (["status", "xgboost"], "versions"),
            (["compare", "--svg", file], "# Benchmark"),
            (["rollback", "xgboost", "--to", "1", "--reason", "worse"], "1"),
            (["export"], "3"),
            (["cancel"], ""),
        ];
        foreach ((string[] arguments, string expected) in calls)
        {
            CliCall call = await CliCall.RunAsync(host, ["benchmark", .. arguments]);
            Assert.True(call.ExitCode == 0, call.Error);
            Assert.Contains(expected, call.Out, StringComparison.Ordinal);
        }

        Assert.Equal("<svg/>", await File.ReadAllTextAsync(file));
        File.Delete(file);
        Assert.Equal(
            """{"version":1,"reason":"worse"}""",
            host.Requests.Single(asked => asked.Path.EndsWith("/rollback", StringComparison.Ordinal)).Body
        );
        Assert.Contains("\"dryRun\":true", host.Requests.First().Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run", "--epochs", "few")]
    [InlineData("plan", "--train-rows", "1.5")]
    [InlineData("rollback", "xgboost", "--to", "best")]
    [InlineData("rollback")]
    [InlineData("nonsense")]
    public async Task Bad_values_are_refused_before_anything_is_asked(params string[] arguments)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        CliCall call = await CliCall.RunAsync(host, ["benchmark", .. arguments]);
        Assert.Equal(2, call.ExitCode);
        Assert.Empty(host.Requests);
    }
}
