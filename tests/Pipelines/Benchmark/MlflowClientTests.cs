using System.Text.Json;
using Durable.Operations;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Tracking;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Benchmark;

/// <summary>The client against a server that answers as recorded: each call twice, with lost answers, errors and limits.</summary>
public sealed class MlflowClientTests(MlflowServer server) : IClassFixture<MlflowServer>
{
    private const long Start = 1_700_000_000_000;
    private static readonly Dictionary<string, string> None = [];

    private readonly MlflowClient client = new(new HttpClient { Timeout = TimeSpan.FromSeconds(20) }, server.Address);

    private static string Name() => "x-" + Guid.NewGuid().ToString("N");

    [Fact]
    public async Task An_experiment_is_made_once_and_found_after_that()
    {
        string name = Name();
        Assert.Null(await client.FindExperimentAsync(name));
        string id = await client.EnsureExperimentAsync(name);
        Assert.Equal(id, await client.EnsureExperimentAsync(name));
        string raced = Name();
        string[] ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => client.EnsureExperimentAsync(raced)));
        Assert.Single(ids.Distinct());
    }

    [Fact]
    public async Task A_run_whose_first_answer_got_lost_is_found_and_not_made_again()
    {
        string experiment = await client.EnsureExperimentAsync(Name());
        await server.FaultAsync("runs/create", "lost-reply");
        await Assert.ThrowsAsync<MlflowUnavailableException>(() => EnsureAsync(experiment, "suite/xgboost"));
        MlflowRun run = await EnsureAsync(experiment, "suite/xgboost");
        Assert.Equal(
            (run.RunId, MlflowStatus.Running, "xgboost"),
            ((await EnsureAsync(experiment, "suite/xgboost")).RunId, run.Status, run.Name)
        );
        Assert.NotEqual(run.RunId, (await EnsureAsync(experiment, "suite/lightgbm")).RunId);
        Assert.Equal("2", run.Tags["version"]);
        Assert.Equal(
            1,
            (await server.ReadAsync())
                .GetProperty("runs")
                .EnumerateObject()
                .Count(one =>
                    one.Value.GetProperty("info").GetProperty("experiment_id").GetString() == experiment
                    && one.Value.GetProperty("tags").GetProperty("durable.key").GetString() == "suite/xgboost"
                )
        );
        Assert.Null(await server.GetAsync("runs/get?run_id=" + new string('0', 32)));
    }

    [Theory, InlineData("lost-reply"), InlineData("500")]
    public async Task A_call_made_again_never_doubles_a_metric(string fault)
    {
        MlflowRun run = await NewRunAsync();
        MlflowMetric[] curve =
        [
            .. Enumerable.Range(1, 2500).Select(step => new MlflowMetric("loss", 1.0 / step, Start + step, step)),
            new("accuracy", 0.9, Start, 0),
        ];
        await server.FaultAsync("runs/log-batch", fault, skip: 1); // the second of three calls
        await Assert.ThrowsAsync<MlflowUnavailableException>(() => client.LogAsync(run.RunId, curve, None, None));
        await client.LogAsync(run.RunId, curve, None, None);
        await client.LogAsync(run.RunId, curve, None, None);

        IReadOnlyList<MlflowMetric> loss = await client.HistoryAsync(run.RunId, "loss");
        Assert.Equal(Enumerable.Range(1, 2500).Select(step => (long)step), loss.Select(metric => metric.Step).Order());
        Assert.Single(await client.HistoryAsync(run.RunId, "accuracy"));
        Assert.Equal(1.0 / 2500, (await DataAsync(run, "metrics"))["loss"].GetDouble());
    }

    [Fact]
    public async Task A_batch_keeps_within_the_servers_limits()
    {
        MlflowRun run = await NewRunAsync();
        Dictionary<string, string> many = Enumerable.Range(0, 250).ToDictionary(i => $"p{i:000}", _ => new string('v', 9000)),
            tags = Enumerable.Range(0, 250).ToDictionary(i => $"t{i:000}", _ => new string('w', 9000));
        await client.LogAsync(
            run.RunId,
            [.. Enumerable.Range(0, 1001).Select(step => new MlflowMetric("m", step, Start, step))],
            many,
            tags
        );
        Dictionary<string, JsonElement> kept = await DataAsync(run, "params");
        Assert.Equal(
            (250, 500, 5000),
            (kept.Count, kept["p007"].GetString()!.Length, (await DataAsync(run, "tags"))["t007"].GetString()!.Length)
        );
        Assert.Equal(1001, (await client.HistoryAsync(run.RunId, "m")).Count);
    }

    [Fact]
    public async Task A_parameter_may_be_said_again_and_never_changed()
    {
        MlflowRun run = await NewRunAsync();
        await client.LogAsync(run.RunId, [], new Dictionary<string, string> { ["max_depth"] = "6" }, None);
        await client.LogAsync(run.RunId, [], new Dictionary<string, string> { ["max_depth"] = "6" }, None);
        MlflowRefusedException refused = await Assert.ThrowsAsync<MlflowRefusedException>(() =>
            client.LogAsync(run.RunId, [], new Dictionary<string, string> { ["max_depth"] = "7" }, None)
        );
        Assert.Equal("INVALID_PARAMETER_VALUE", refused.Code);
        Assert.Contains("Changing param values is not allowed", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_that_is_none_is_kept_as_one()
    {
        MlflowRun run = await NewRunAsync();
        await client.LogAsync(run.RunId, [new("loss", double.NaN, Start, 1), new("loss", double.PositiveInfinity, Start, 2)], None, None);
        Assert.Equal([double.NaN, double.PositiveInfinity], (await client.HistoryAsync(run.RunId, "loss")).Select(metric => metric.Value));
    }

    [Fact]
    public async Task Artefacts_go_through_the_server_and_a_run_ends()
    {
        MlflowRun run = await NewRunAsync();
        await server.FaultAsync("artifacts", "lost-reply");
        await Assert.ThrowsAsync<MlflowUnavailableException>(() => client.PutArtifactAsync(run, "model/a b.txt", [1, 2, 3], "text/plain"));
        await client.PutArtifactAsync(run, "model/a b.txt", [1, 2, 3], "text/plain");
        Assert.Equal(["model/"], await FilesAsync(run, ""));
        Assert.Equal(["model/a b.txt 3"], await FilesAsync(run, "&path=model"));
        MlflowRefusedException elsewhere = await Assert.ThrowsAsync<MlflowRefusedException>(() =>
            client.PutArtifactAsync(run with { ArtifactUri = "s3://lakehouse/mlflow/1" }, "x", [1], "text/plain")
        );
        Assert.Contains("--serve-artifacts", elsewhere.Message, StringComparison.Ordinal);

        foreach (MlflowStatus status in new[] { MlflowStatus.Finished, MlflowStatus.Finished, MlflowStatus.Killed })
        {
            await client.EndRunAsync(run.RunId, status, Start + 9000);
            Assert.Equal(
                status.Text(),
                (await server.GetAsync("runs/get?run_id=" + run.RunId))!
                    .Value.GetProperty("run")
                    .GetProperty("info")
                    .GetProperty("status")
                    .GetString()
            );
        }
    }

    [Fact]
    public async Task A_run_registers_one_version_and_the_alias_moves_there_and_back()
    {
        string model = Name();
        MlflowRun first = await NewRunAsync(),
            second = await NewRunAsync();
        Assert.Null(await AliasAsync(model));
        await server.FaultAsync("model-versions/create", "lost-reply");
        await Assert.ThrowsAsync<MlflowUnavailableException>(() => client.EnsureVersionAsync(model, first, "model"));
        MlflowVersion one = await client.EnsureVersionAsync(model, first, "model"),
            again = await client.EnsureVersionAsync(model, first, "model"),
            two = await client.EnsureVersionAsync(model, second, "model");
        Assert.Equal(("1", "1", "2"), (one.Version, again.Version, two.Version));
        Assert.Equal($"{first.ArtifactUri}/model", one.Source);
        Assert.Null(await AliasAsync(model));

        foreach (string version in new[] { "1", "2", "1" })
        {
            await client.SetAliasAsync(model, "champion", version);
            Assert.Equal(version, await AliasAsync(model));
        }

        await client.DescribeVersionAsync(model, "1", "gate passed");
        await client.TagVersionAsync(model, "1", "accuracy", "0.91");
        JsonElement kept = (await server.ReadAsync()).GetProperty("models").GetProperty(model).GetProperty("versions")[0];
        Assert.Equal(
            ("gate passed", "0.91"),
            (kept.GetProperty("description").GetString(), kept.GetProperty("tags")[0].GetProperty("value").GetString())
        );
    }

    [Fact]
    public async Task Another_server_and_no_server_are_distinguished_from_a_refusal()
    {
        MlflowClient elsewhere = new(new HttpClient(), new Uri(server.Address, "/not-mlflow"));
        await Assert.ThrowsAsync<MlflowRefusedException>(() => elsewhere.EnsureExperimentAsync("x"));
        MlflowClient nobody = new(new HttpClient(), new Uri("http://127.0.0.1:9"));
        await Assert.ThrowsAsync<MlflowUnavailableException>(() => nobody.EnsureExperimentAsync("x"));
        await server.FaultAsync("experiments/get-by-name", "hang");
        MlflowClient hasty = new(new HttpClient { Timeout = TimeSpan.FromMilliseconds(300) }, server.Address);
        await Assert.ThrowsAsync<MlflowUnavailableException>(() => hasty.FindExperimentAsync("x"));
        await Assert.ThrowsAsync<ArgumentException>(() => client.FindRunAsync("1", ("durable.key", "it's")));
    }

    private Task<MlflowRun> EnsureAsync(string experiment, string key) =>
        client.EnsureRunAsync(
            experiment,
            key.Split('/')[1],
            (RunTracker.KeyTag, key),
            Start,
            new Dictionary<string, string> { ["version"] = "2" }
        );

    private async Task<MlflowRun> NewRunAsync() => await EnsureAsync(await client.EnsureExperimentAsync("tests"), $"{Name()}/model");

    private async Task<Dictionary<string, JsonElement>> DataAsync(MlflowRun run, string what) =>
        (await server.GetAsync("runs/get?run_id=" + run.RunId))!
            .Value.GetProperty("run")
            .GetProperty("data")
            .GetProperty(what)
            .EnumerateArray()
            .ToDictionary(one => one.GetProperty("key").GetString()!, one => one.GetProperty("value"));

    private async Task<string[]> FilesAsync(MlflowRun run, string path) =>
        [
            .. (await server.GetAsync($"artifacts/list?run_id={run.RunId}{path}"))!
                .Value.GetProperty("files")
                .EnumerateArray()
                .Select(file =>
                    file.GetProperty("path").GetString()
                    + (file.GetProperty("is_dir").GetBoolean() ? "/" : $" {file.GetProperty("file_size")}")
                ),
        ];

    private async Task<string?> AliasAsync(string model) =>
        (await server.GetAsync($"registered-models/alias?name={Uri.EscapeDataString(model)}&alias=champion"))
            ?.GetProperty("model_version")
            .GetProperty("version")
            .GetString();
}
