using System.Net;
using System.Text.Json;
using Durable.Pipelines.Returns;
using Durable.Tests.Cli;
using Durable.Tests.Fixtures;
using Durable.Tests.Pipelines.Returns;
using Npgsql;

namespace Durable.Tests.Functions;

/// <summary>The returns pipeline from outside: the app as a process, the sandbox's SageMaker running the real script.</summary>
public sealed class ReturnsAppTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [TorchFact]
    public async Task Train_publish_predict_score_and_go_back()
    {
        await using ReturnsApp world = await ReturnsApp.StartAsync(sandbox);
        AppProcess app = world.App;

        // Nothing is served yet.
        Assert.Equal(HttpStatusCode.NotFound, (await app.PostAsync("/api/returns/predict", "{}")).Status); // no embedding was read either
        Assert.Equal("NoModel", Text(await world.RunAsync("returns/inference", "{}", ReturnsRequest.InferenceInstanceId), "state"));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await app.PostAsync("/api/returns/predict", "{}")).Status);
        Assert.Equal(
            HttpStatusCode.UnprocessableEntity,
            (await app.PostAsync("/api/returns", """{"skipDataPrep": true, "dryRun": true}""")).Status
        );
        Assert.Equal(HttpStatusCode.NotFound, (await app.PostAsync("/api/returns/rollback", "{}")).Status);

        // A plan; twenty that want it at once.
        (HttpStatusCode code, JsonElement plan) = await app.PostAsync("/api/returns", """{"dryRun": true}""");
        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal(
            ["read", "training-set", "train", "judge", "publish"],
            plan.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("key").GetString())
        );
        string hash = plan.GetProperty("hash").GetString()!,
            planned = $$"""{"planHash": "{{hash}}"}""";
        HttpStatusCode[] codes =
        [
            .. (await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => app.PostAsync("/api/returns", planned)))).Select(answer =>
                answer.Status
            ),
        ];
        Assert.Single(codes, HttpStatusCode.Accepted);
        Assert.Equal(19, codes.Count(status => status == HttpStatusCode.Conflict));
        JsonElement first = await world.EndAsync(ReturnsRequest.InstanceId);
        Assert.Equal("Published", Text(first, "state"));
        string version = Text(first, "version"),
            job = Text(first, "jobName");
        Assert.Equal(
            "mlops-returns-" + version[..19].Replace("-", "", StringComparison.Ordinal).Replace("T", "-", StringComparison.Ordinal),
            job
        );
        Assert.True(ReturnsApp.Field(first, "billedSeconds").GetInt32() > 0);
        Assert.Equal(
            1L,
            await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE kind = 'sagemaker' AND state = 'closed'")
        );
        Assert.Equal(
            6L,
            await world.ScalarAsync<long>(
                "SELECT count(*) FROM operations.gates WHERE passed AND subject = $1 OR gate = 'training_rows'",
                version
            )
        );

        // That plan is over: a model is served now. The same rows again are not paid for again.
        (code, JsonElement stale) = await app.PostAsync("/api/returns", planned);
        Assert.Equal(HttpStatusCode.Conflict, code);
        Assert.Contains("served none", stale.ToString(), StringComparison.Ordinal);
        Assert.Equal("UpToDate", Text(await world.RunAsync("returns", "{}", ReturnsRequest.InstanceId), "state"));
        Assert.Single(await sandbox.CallsAsync("sagemaker", "CreateTrainingJob"));

        // One prediction for the newest embedding, however often it is asked for; scored when the truth comes.
        Assert.Equal(("Predicted", 1), await InferAsync(world));
        Assert.Equal(("NothingNew", 0), await InferAsync(world));
        await ReturnsSample.SourceAsync(world.Database, 3, 0.7, ReturnsSample.Newest.AddMinutes(30));
        Assert.Equal(("Predicted", 3), await InferAsync(world));
        Assert.Equal(
            (4L, 4L),
            (
                await world.ScalarAsync<long>("SELECT count(*) FROM returns.predictions"),
                await world.ScalarAsync<long>(
                    "SELECT count(DISTINCT base_ts) FROM returns.predictions WHERE mse IS NOT NULL AND version = $1",
                    version
                )
            )
        );
        Assert.Equal(
            0L,
            await world.ScalarAsync<long>(
                "SELECT count(*) FROM returns.predictions p WHERE abs(mse - (SELECT avg((a - b) ^ 2) FROM unnest(actual, predicted) AS pair (a, b))) > 1e-9"
            )
        );

        await PredictAsync(app, version);
        await SkipPreparationAndRollBackAsync(world, version);
        await CommandLineAsync(world);
        await TimersAsync(world);
    }

    private static async Task PredictAsync(AppProcess app, string version)
    {
        (HttpStatusCode code, JsonElement newest) = await app.PostAsync("/api/returns/predict");
        Assert.Equal((HttpStatusCode.OK, version), (code, newest.GetProperty("version").GetString()));
        Assert.Equal(
            ("2025-12-23T08:30:00Z", "2025-12-23T08:40:00Z"),
            (newest.GetProperty("base_ts").GetString(), newest.GetProperty("target_ts").GetString())
        );
        Assert.Equal(ReturnsShape.Targets, newest.GetProperty("pred").EnumerateObject().Select(target => target.Name));
        Assert.Equal(
            HttpStatusCode.OK,
            (await app.PostAsync("/api/returns/predict", """{"base_ts": "2025-12-23T08:00:00+00:00"}""")).Status
        );
        Assert.Equal(
            HttpStatusCode.NotFound,
            (await app.PostAsync("/api/returns/predict", """{"base_ts": "2031-01-01T00:00:00Z"}""")).Status
        );
        string line = JsonLinesTests.Line(ReturnsSample.Rows(1).Single(), "2025-12-23T08:00:00Z");
        (code, JsonElement one) = await app.PostAsync("/api/returns/predict", line);
        Assert.Equal(HttpStatusCode.OK, code);

        // The same row as a line of a batch is predicted the same.
        (code, JsonElement batch) = await app.PostAsync("/api/returns/predict/batch", line + "\n");
        Assert.Equal((HttpStatusCode.OK, 1), (code, batch.GetProperty("line").GetInt32()));
        Assert.True(JsonElement.DeepEquals(one.GetProperty("pred"), batch.GetProperty("pred")), batch.ToString());
    }

    private static async Task SkipPreparationAndRollBackAsync(ReturnsApp world, string version)
    {
        // Forced, on the same rows: as good as the served one, within epsilon, so it is served.
        JsonElement second = await world.RunAsync("returns", """{"skipDataPrep": true, "force": true}""", ReturnsRequest.InstanceId);
        Assert.Equal("Published", Text(second, "state"));
        Assert.Equal(("Predicted", 1), await InferAsync(world)); // the newest embedding, by the new model
        (HttpStatusCode code, JsonElement back) = await world.App.PostAsync("/api/returns/rollback");
        Assert.Equal((HttpStatusCode.OK, version), (code, back.GetProperty("version").GetString()));
        Assert.Equal(HttpStatusCode.NotFound, (await world.App.PostAsync("/api/returns/rollback")).Status); // nothing before the first
        (_, JsonElement models) = await world.App.GetAsync("/api/returns/models");
        Assert.Equal(2, models.GetProperty("models").GetArrayLength());
        Assert.Equal(
            ["rollback", "publish", "publish"],
            models.GetProperty("moves").EnumerateArray().Select(move => move.GetProperty("reason").GetString())
        );
        (_, JsonElement status) = await world.App.GetAsync("/api/returns");
        Assert.Equal(version, status.GetProperty("served").GetProperty("version").GetString());
        Assert.Equal(5, status.GetProperty("predictions").GetArrayLength());
    }

    private static async Task CommandLineAsync(ReturnsApp world)
    {
        string lines = Path.GetTempFileName(),
            answers = Path.GetTempFileName();
        await File.WriteAllTextAsync(
            lines,
            string.Join('\n', ReturnsSample.Rows(3).Select(row => JsonLinesTests.Line(row, null))) + "\nbad\n"
        );
        Assert.Equal(
            1,
            (await CliCall.RunAsync(["returns", "predict", "--jsonl", lines, "--output-file", answers, "--url", world.App.Url])).ExitCode
        );
        string[] answered = await File.ReadAllLinesAsync(answers);
        Assert.Equal(4, answered.Length);
        Assert.Contains("\"error\"", answered[3]);
        foreach (
            string[] command in (string[][])
                [
                    ["returns", "status"],
                    ["returns", "models"],
                    ["returns", "plan"],
                    ["returns", "predict"],
                    ["returns", "infer"],
                    ["returns", "train"],
                    ["returns", "rollback", "--to", "nothing"],
                    ["returns", "cancel"],
                    ["returns", "train", "--limit", "0"],
                    ["returns", "predict", "--jsonl", "/no/such/file"],
                ]
        )
        {
            int expected =
                command[^1] is "nothing" or "cancel" ? 1
                : command[^1] is "0" or "/no/such/file" ? 2
                : 0;
            CliCall call = await CliCall.RunAsync([.. command, "--url", world.App.Url, "--output", "json"]);
            Assert.True(call.ExitCode == expected, $"{string.Join(' ', command)} ended with {call.ExitCode}: {call.Out}{call.Error}");
        }
    }

    /// <summary>Both timers, fired manually; a tick is skipped and recorded while its predecessor runs.</summary>
    private static async Task TimersAsync(ReturnsApp world)
    {
        await world.ScalarAsync<long>("WITH gone AS (DELETE FROM returns.ticks RETURNING 1) SELECT count(*) FROM gone");
        foreach (string timer in (string[])["TickReturnsTraining", "TickReturnsInference"])
            Assert.Equal(HttpStatusCode.Accepted, (await world.App.PostAsync("/admin/functions/" + timer, "{}")).Status);
        await Eventually.HoldsAsync(async () =>
            await world.ScalarAsync<long>("SELECT count(*) FROM returns.ticks WHERE outcome = 'started'") == 2
        );
        Assert.Equal("UpToDate", Text(await world.EndAsync(ReturnsRequest.InstanceId), "state"));
        await world.EndAsync(ReturnsRequest.InferenceInstanceId);

        // A training held up: its predecessor has not ended when the timer ticks again.
        await using NpgsqlConnection holder = await world.Database.OpenConnectionAsync();
        await using NpgsqlTransaction held = await holder.BeginTransactionAsync();
        await using (NpgsqlCommand hold = new("LOCK TABLE operations.runs IN ACCESS EXCLUSIVE MODE", holder))
            await hold.ExecuteNonQueryAsync();
        await world.App.PostAsync("/admin/functions/TickReturnsInference", "{}");
        await Eventually.HoldsAsync(async () =>
            await world.ScalarAsync<long>("SELECT count(*) FROM returns.ticks WHERE outcome = 'started'") == 3
        );
        await world.App.PostAsync("/admin/functions/TickReturnsInference", "{}");
        await Eventually.HoldsAsync(async () =>
            await world.ScalarAsync<long>("SELECT count(*) FROM returns.ticks WHERE outcome = 'skipped'") == 1
        );
        await held.RollbackAsync();
        Assert.Equal(
            "inference: returns-inference has not ended",
            await world.ScalarAsync<string>("SELECT timer || ': ' || detail FROM returns.ticks WHERE outcome = 'skipped' LIMIT 1")
        );
        await world.EndAsync(ReturnsRequest.InferenceInstanceId);
    }

    private static async Task<(string State, int Predicted)> InferAsync(ReturnsApp world)
    {
        JsonElement result = await world.RunAsync("returns/inference", "{}", ReturnsRequest.InferenceInstanceId);
        return (Text(result, "state"), ReturnsApp.Field(result, "predicted").GetInt32());
    }

    private static string Text(JsonElement result, string name) => ReturnsApp.Field(result, name).GetString()!;
}

/// <summary>Values that make no sense, against one app.</summary>
public sealed class ReturnsBadValueTests(ReturnsBadValueTests.Host world) : IClassFixture<ReturnsBadValueTests.Host>
{
    [Theory]
    [InlineData("returns", """{"limit": 0}""", "limit")]
    [InlineData("returns", """{"limit": -5}""", "limit")]
    [InlineData("returns", """{"limit": "many"}""", "limit")]
    [InlineData("returns", """{"since": "yesterday"}""", "since")]
    [InlineData("returns", """{"since": "2025-13-01"}""", "since")]
    [InlineData("returns", """{"instanceType": "m5.large; rm -rf /"}""", "instanceType")]
    [InlineData("returns", """{"frameworkVersion": "latest"}""", "frameworkVersion")]
    [InlineData("returns", """{"planHash": "../../x"}""", "planHash")]
    [InlineData("returns", """{"skipDataPrep": true, "limit": 5}""", "skipDataPrep")]
    [InlineData("returns", """{"bucket": "other"}""", "bucket")]
    [InlineData("returns", "[", "body")]
    [InlineData("returns/rollback", """{"version": 5}""", "version")]
    [InlineData("returns/rollback", """{"to": "v1"}""", "to")]
    [InlineData("returns?limit=0", "", "limit")]
    [InlineData("returns?dryRun=maybe", "{}", "dryRun")]
    [InlineData("returns/predict", "[]", "body")]
    [InlineData("returns/predict", """{"base_ts": "soon"}""", "base_ts")]
    [InlineData("returns/predict", """{"embedding_a": [1]}""", "embedding_a")]
    public async Task A_bad_value_names_the_field(string route, string body, string field)
    {
        (HttpStatusCode code, JsonElement answer) = await world.App.PostAsync("/api/" + route, body);
        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.True(answer.GetProperty("fields").TryGetProperty(field, out _), answer.ToString());
    }

    public sealed class Host : IAsyncLifetime
    {
        internal AppProcess App { get; private set; } = null!;

        public async Task InitializeAsync() =>
            App = await AppProcess.StartAsync(
                settings: new Dictionary<string, string>
                {
                    ["Returns__Bucket"] = "no-such-bucket",
                    ["Returns__RoleArn"] = "arn:aws:iam::123456789012:role/training",
                }
            );

        public async Task DisposeAsync() => await App.DisposeAsync();
    }
}
