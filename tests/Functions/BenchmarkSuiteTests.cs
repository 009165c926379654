using System.Net;
using System.Text.Json;
using System.Xml.Linq;
using Durable.Tests.Cli;
using Durable.Tests.Fixtures;
using Durable.Tests.Jobs.Benchmark;

namespace Durable.Tests.Functions;

/// <summary>The suite from outside: over HTTP, on the AWS sandbox, with a tracking server that answers as a recorded one did.</summary>
public sealed class BenchmarkSuiteTests(AwsSandbox sandbox, MlflowServer mlflow) : IClassFixture<AwsSandbox>, IClassFixture<MlflowServer>
{
    private static readonly string[] Trees = ["xgboost", "lightgbm"];

    [TrainingFact("xgboost, torch")]
    public async Task The_real_scripts_are_trained_gated_registered_compared_and_tracked()
    {
        if (!TrainingScripts.Has("lightgbm"))
            return;
        await using BenchmarkWorld world = await BenchmarkWorld.StartAsync(
            sandbox,
            mlflow,
            Durable.Pipelines.Benchmark.BenchmarkModels.All.ToDictionary(model => model.Name, _ => "real")
        );

        JsonElement end = await world.RunAsync("""{"seed": 1}""");
        Assert.True(end.GetProperty("runtimeStatus").GetString() == "Completed", $"{end} {world.App.Log}");
        Dictionary<string, (string State, string Reason)> states = await world.StatesAsync();
        foreach (string model in new[] { "xgboost", "lightgbm", "pytorch-mlp", "pytorch-cnn" })
            Assert.Equal((model, "Passed", ""), (model, states[model].State, states[model].Reason));
        if (!TrainingScripts.Has("tensorflow"))
        {
            Assert.Equal("Incomplete", Text(end.GetProperty("output"), "verdict"));
            foreach (string model in new[] { "tensorflow-mlp", "tensorflow-cnn" })
            {
                Assert.Equal("NotRun", states[model].State);
                Assert.StartsWith("tensorflow is not installed in this image", states[model].Reason, StringComparison.Ordinal);
            }
        }

        // Every job got the test rows without their labels.
        foreach (SandboxCall call in await world.Sandbox.CallsAsync("sagemaker", "CreateTrainingJob"))
            Assert.DoesNotContain("held-out", call.Parameters, StringComparison.Ordinal);
        Assert.DoesNotContain(
            await world.Sandbox.CallsAsync("s3", "PutObject"),
            call => call.Parameters.Contains("test/labels.npy", StringComparison.Ordinal)
        );
        Assert.Equal(
            1L,
            await world.ScalarAsync<long>("SELECT count(DISTINCT data_hash) FROM benchmark.results WHERE model IN ('xgboost', 'lightgbm')")
        );

        (HttpStatusCode code, JsonElement comparison) = await world.App.GetAsync("/api/benchmark/comparison");
        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Contains("more accurate by", comparison.GetRawText(), StringComparison.Ordinal);
        string svg = await world.ScalarAsync<string>("SELECT chart FROM benchmark.reports");
        Assert.Equal(4, XDocument.Parse(svg).Descendants().Count(element => element.Name.LocalName == "polyline"));
        Assert.Equal(
            1L,
            await world.ScalarAsync<long>(
                "SELECT count(*) FROM operations.notifications WHERE subject LIKE 'benchmark comparison: %' AND body LIKE '%| XGBoost |%'"
            )
        );

        IReadOnlyList<JsonElement> runs = await RunsOfAsync(world);
        Assert.Equal(6, runs.Count);
        JsonElement cnn = runs.Single(run => Name(run) == "pytorch-cnn");
        Assert.Equal("FINISHED", Status(cnn));
        Assert.Equal("128", cnn.GetProperty("params").GetProperty("batch").GetString());
        JsonElement[] metrics = [.. cnn.GetProperty("metrics").EnumerateArray()];
        Assert.Equal(
            metrics.Length,
            metrics.Select(metric => (metric.GetProperty("key").GetString(), metric.GetProperty("step").GetInt64())).Distinct().Count()
        );
        Assert.True(metrics.Count(metric => metric.GetProperty("key").GetString() == "train_loss") > 1);
        JsonElement server = await mlflow.ReadAsync();
        string root = cnn.GetProperty("info").GetProperty("artifact_uri").GetString()!["mlflow-artifacts:/".Length..];
        foreach (string file in new[] { "model/model.pth", "model/MLmodel", "loss-curve.svg", "confusion-matrix.json" })
            Assert.True(server.GetProperty("artifacts").TryGetProperty($"{root}/{file}", out _), file);
        Assert.Equal(
            await world.ScalarAsync<string>("SELECT mlflow_version FROM benchmark.versions WHERE model = 'pytorch-cnn'"),
            server.GetProperty("models").GetProperty("benchmark-pytorch-cnn").GetProperty("aliases").GetProperty("champion").GetString()
        );
        Assert.False(server.GetProperty("models").TryGetProperty("benchmark-tensorflow-cnn", out _));
    }

    [Fact]
    public async Task A_suite_is_planned_held_to_its_plan_skips_what_passed_and_rolls_back()
    {
        await using BenchmarkWorld world = await BenchmarkWorld.StartAsync(sandbox, mlflow);
        (_, JsonElement plan) = await world.App.PostAsync("/api/benchmark", """{"models": ["xgboost", "lightgbm"], "dryRun": true}""");
        Assert.Equal(
            ["xgboost missing", "lightgbm missing"],
            plan.GetProperty("partitions")
                .EnumerateArray()
                .Select(one => $"{one.GetProperty("key").GetString()} {one.GetProperty("reason").GetString()}")
        );
        string hash = plan.GetProperty("hash").GetString()!;
        Assert.Empty(await world.Sandbox.CallsAsync("sagemaker", "CreateTrainingJob"));

        JsonElement end = await world.RunAsync($$"""{"models": ["xgboost", "lightgbm"], "planHash": "{{hash}}"}""");
        Assert.Equal("Passed", Text(end.GetProperty("output"), "verdict"));
        (HttpStatusCode code, JsonElement stale) = await world.App.PostAsync(
            "/api/benchmark",
            $$"""{"models": ["xgboost", "lightgbm"], "planHash": "{{hash}}"}"""
        );
        Assert.Equal(HttpStatusCode.Conflict, code);
        Assert.Contains("xgboost: was missing, is present", stale.GetProperty("difference").GetRawText(), StringComparison.Ordinal);

        end = await world.RunAsync("""{"models": ["xgboost", "lightgbm"]}""");
        Assert.Equal(2, Field(end.GetProperty("output"), "present").GetArrayLength());
        Assert.Equal(2, (await world.Sandbox.CallsAsync("sagemaker", "CreateTrainingJob")).Count);
        await world.RunAsync("""{"models": ["xgboost"], "seed": 7}"""); // other options: stale

        string file = Path.GetTempFileName();
        foreach (
            (string[] arguments, string expected) in ((string[], string)[])
                [
                    (["status"], "Passed"),
                    (["status", "lightgbm"], "lightgbm_classifier.py"),
                    (["plan", "--model", "xgboost", "--seed", "7"], "present"),
                    (["compare", "--svg", file], "# Benchmark benchmark/"),
                    (["rollback", "xgboost", "--reason", "worse in production"], "told"),
                    (["export"], "0"),
                ]
        )
        {
            CliCall call = await CliCall.RunAsync(["benchmark", .. arguments, "--url", world.App.Url]);
            Assert.True(call.ExitCode == 0, $"{arguments[0]}: {call.Error}{call.Out}");
            Assert.Contains(expected, call.Out, StringComparison.Ordinal);
        }

        Assert.Equal("svg", XDocument.Parse(await File.ReadAllTextAsync(file)).Root!.Name.LocalName);
        File.Delete(file);
        JsonElement models = (await mlflow.ReadAsync()).GetProperty("models").GetProperty("benchmark-xgboost");
        string alias = models.GetProperty("aliases").GetProperty("champion").GetString()!;
        (_, JsonElement versions) = await world.App.GetAsync("/api/benchmark/models/xgboost");
        Assert.Equal(
            alias,
            versions
                .GetProperty("versions")
                .EnumerateArray()
                .Single(version => version.GetProperty("aliases").GetArrayLength() == 1)
                .GetProperty("mlflowVersion")
                .GetString()
        );
        Assert.Equal(
            "worse in production",
            await world.ScalarAsync<string>("SELECT reason FROM benchmark.alias_moves ORDER BY id DESC LIMIT 1")
        );
        Assert.Equal(HttpStatusCode.Conflict, (await world.App.PostAsync("/api/benchmark/models/xgboost/rollback")).Status); // nothing before version 1
        Assert.Equal(HttpStatusCode.OK, (await world.App.PostAsync("/api/benchmark/models/xgboost/rollback", """{"version": 2}""")).Status);
        Assert.Equal(
            HttpStatusCode.Conflict,
            (await world.App.PostAsync("/api/benchmark/models/xgboost/rollback", """{"version": 99}""")).Status
        );
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await world.App.PostAsync("/api/benchmark/models/xgboost/rollback", """{"version": -1}""")).Status
        );
        Assert.Equal(HttpStatusCode.NotFound, (await world.App.PostAsync("/api/benchmark/models/resnet/rollback")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await world.App.GetAsync("/api/benchmark/models/resnet")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await world.App.PostAsync("/api/benchmark", """{"models": ["resnet"]}""")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await world.App.GetAsync("/api/benchmark/comparison?format=pdf")).Status);
        await ComparisonsAsync(world);
    }

    /// <summary>The comparison of the newest run, of a named one in every format, and of what is none.</summary>
    private static async Task ComparisonsAsync(BenchmarkWorld world)
    {
        string[] runs = (
            await world.ScalarAsync<string>("SELECT string_agg(run_id, ',' ORDER BY created_at) FROM benchmark.reports")
        ).Split(',');
        Assert.Equal(3, runs.Length);
        (_, JsonElement newest) = await world.App.GetAsync("/api/benchmark/comparison");
        Assert.Equal(runs[^1], Text(newest, "runId"));
        foreach (string run in runs)
        {
            (HttpStatusCode code, JsonElement comparison) = await world.App.GetAsync(
                $"/api/benchmark/comparison?run={Uri.EscapeDataString(run)}"
            );
            Assert.Equal((HttpStatusCode.OK, run), (code, Text(comparison, "runId")));
            CliCall shown = await CliCall.RunAsync(["benchmark", "compare", "--run", run, "--url", world.App.Url]);
            Assert.Equal(0, shown.ExitCode);
            Assert.StartsWith($"# Benchmark {run}", shown.Out, StringComparison.Ordinal);
        }

        foreach (string wrong in new[] { "none", "benchmark/", "benchmark", "%25", new string('x', 200) })
            Assert.Equal(HttpStatusCode.NotFound, (await world.App.GetAsync($"/api/benchmark/comparison?run={wrong}")).Status);
        foreach (
            (string query, string field) in new[]
            {
                ("format=pdf", "format"),
                ("run=" + new string('x', 201), "run"),
                ("run=a%00b", "run"),
                ("runs=none", "runs"),
            }
        )
        {
            (HttpStatusCode code, JsonElement refused) = await world.App.GetAsync("/api/benchmark/comparison?" + query);
            Assert.Equal(HttpStatusCode.BadRequest, code);
            Assert.Equal(field, Assert.Single(refused.GetProperty("fields").EnumerateObject()).Name);
        }

        Assert.Equal(1, (await CliCall.RunAsync(["benchmark", "compare", "--run", "none", "--url", world.App.Url])).ExitCode);
    }

    [Fact]
    public async Task A_model_that_fails_hangs_diverges_or_was_tampered_with_fails_alone_and_says_so()
    {
        await using BenchmarkWorld world = await BenchmarkWorld.StartAsync(
            sandbox,
            mlflow,
            new Dictionary<string, string>
            {
                ["xgboost"] = "import time; time.sleep(600)",
                ["lightgbm"] = "job.epoch(1, train_loss=float('nan'), validation_loss=1.0, validation_accuracy=0.5)",
                ["tensorflow-mlp"] = "bytearray(4000 << 20)",
                ["tensorflow-cnn"] = "import atexit; atexit.register(lambda: open(job.model_file('model.json'), 'w').write('evil'))",
                ["pytorch-mlp"] =
                    "job.array = (lambda take: lambda channel, name: take(channel, name) if name == 'features' else (take(channel, name) + 1) % 10)(job.array)", // learns the wrong class
            },
            mnist: true,
            ("Benchmark__LongestJob", "00:00:08"),
            ("Benchmark__Daily", "true")
        );

        await world.TickAsync("TickBenchmark"); // the daily run, of everything that never passed
        await Eventually.HoldsAsync(
            async () =>
                (await world.App.GetAsync($"/runtime/webhooks/durabletask/instances/{BenchmarkWorld.Suite}")).Status
                != HttpStatusCode.NotFound,
            () => Task.FromResult(world.App.Log)
        );
        JsonElement end = await world.App.WaitAsync(BenchmarkWorld.Suite);
        Assert.Equal("Failed", end.GetProperty("runtimeStatus").GetString());
        Assert.Contains("5 of 6 models failed", end.GetRawText(), StringComparison.Ordinal);
        Dictionary<string, (string State, string Reason)> states = await world.StatesAsync();
        (string Model, string State, string Reason)[] expected =
        [
            ("xgboost", "Failed", "did not end within 00:00:08 and was stopped"),
            ("lightgbm", "Failed", "Diverged: train_loss is nan in epoch 1"),
            ("tensorflow-mlp", "Failed", "MemoryError: more than memory-mb=3072"),
            ("tensorflow-cnn", "Failed", "model.json is not the file that was trained"),
            ("pytorch-mlp", "GateFailed", "accuracy of pytorch-mlp is 0,"),
            ("pytorch-cnn", "Passed", ""),
        ];
        foreach ((string model, string state, string reason) in expected)
        {
            Assert.Equal((model, state), (model, states[model].State));
            Assert.Contains(reason, states[model].Reason, StringComparison.Ordinal);
        }

        Dictionary<string, JsonElement> runs = (await RunsOfAsync(world)).ToDictionary(Name);
        Assert.Equal(["FAILED", "FAILED", "FAILED", "FAILED", "FINISHED", "FINISHED"], expected.Select(one => Status(runs[one.Model])));
        Assert.Contains(
            "Diverged",
            runs["lightgbm"].GetProperty("tags").GetProperty("durable.reason").GetString(),
            StringComparison.Ordinal
        );
        Assert.Equal(1L, await world.ScalarAsync<long>("SELECT count(*) FROM benchmark.versions"));
        Assert.Equal("Failed", await world.ScalarAsync<string>("SELECT verdict FROM benchmark.reports"));
        Assert.Equal(1L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.notifications WHERE event = 'gate_failed'"));
        Assert.Equal(0L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed'"));
    }

    [Fact]
    public async Task Twenty_clients_start_one_suite_and_a_cancelled_one_leaves_nothing_running()
    {
        await using BenchmarkWorld world = await BenchmarkWorld.StartAsync(
            sandbox,
            mlflow,
            new Dictionary<string, string> { ["xgboost"] = "import time; time.sleep(600)" }
        );
        (HttpStatusCode Status, JsonElement Body)[] answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => world.App.PostAsync("/api/benchmark", """{"models": ["xgboost"]}"""))
        );
        Assert.Equal(
            (1, 19),
            (
                answers.Count(answer => answer.Status == HttpStatusCode.Accepted),
                answers.Count(answer => answer.Status == HttpStatusCode.Conflict)
            )
        );
        Assert.All(answers, answer => Assert.Contains("/instances/benchmark", answer.Body.GetRawText(), StringComparison.Ordinal));

        await world.JobAsync("xgboost");
        Assert.Equal("RUNNING", Status(Assert.Single(await RunsOfAsync(world))));
        Assert.Equal(
            HttpStatusCode.Accepted,
            (await world.App.PostAsync($"/api/operations/runs/{BenchmarkWorld.Suite}/cancel?reason=lunch")).Status
        );
        JsonElement end = await world.App.WaitAsync(BenchmarkWorld.Suite);
        Assert.Equal("Failed", end.GetProperty("runtimeStatus").GetString());
        Assert.Contains("Cancelled: lunch", end.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(("Cancelled", "cancelled: lunch"), (await world.StatesAsync())["xgboost"]);
        Assert.Equal("KILLED", Status(Assert.Single(await RunsOfAsync(world))));
        await AssertNothingRunsAsync(world);
    }

    /// <summary>The suite and one of its models are terminated; the other model lives, and is cancelled because its suite has
    /// ended.</summary>
    [Fact]
    public async Task A_terminated_suite_leaves_nothing_running_either()
    {
        await using BenchmarkWorld world = await BenchmarkWorld.StartAsync(
            sandbox,
            mlflow,
            Trees.ToDictionary(model => model, _ => "import time; time.sleep(600)")
        );
        await world.App.PostAsync("/api/benchmark", """{"models": ["xgboost", "lightgbm"]}""");
        foreach (string model in Trees)
            await world.JobAsync(model);
        string terminated = await world.ScalarAsync<string>("SELECT instance_id FROM benchmark.results WHERE model = 'xgboost'"),
            living = await world.ScalarAsync<string>("SELECT instance_id FROM benchmark.results WHERE model = 'lightgbm'");
        foreach (string instance in new[] { BenchmarkWorld.Suite, terminated })
            Assert.Equal(
                HttpStatusCode.Accepted,
                (await world.App.PostAsync($"/runtime/webhooks/durabletask/instances/{instance}/terminate?reason=now")).Status
            );
        await world.App.WaitAsync(terminated);

        await Eventually.HoldsAsync(
            async () =>
            {
                foreach (string timer in new[] { "ReapClusters", "ReapBenchmark" })
                    await world.TickAsync(timer);
                return await OpenAsync() == 0;
            },
            () => Task.FromResult(world.App.Log)
        );

        await world.App.WaitAsync(living);
        Assert.All(
            (await world.StatesAsync()).Where(model => Trees.Contains(model.Key)),
            model => Assert.Equal("Cancelled", model.Value.State)
        );
        Assert.Contains("has ended", (await world.StatesAsync())["lightgbm"].Reason, StringComparison.Ordinal);
        Assert.Equal(["KILLED", "KILLED"], (await RunsOfAsync(world)).Select(Status));
        await AssertNothingRunsAsync(world);
        (HttpStatusCode code, _) = await world.App.PostAsync("/api/benchmark", """{"models": ["pytorch-mlp"]}"""); // and another suite can start
        Assert.Equal(HttpStatusCode.Accepted, code);

        Task<long> OpenAsync() =>
            world.ScalarAsync<long>(
                "SELECT (SELECT count(*) FROM benchmark.results WHERE state = 'Running') + (SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed') + (SELECT count(*) FROM benchmark.tracked WHERE state = 'RUNNING')"
            );
    }

    [Fact]
    public async Task A_host_killed_in_the_middle_trains_no_model_twice_and_a_failing_tracking_server_doubles_nothing()
    {
        await using BenchmarkWorld world = await BenchmarkWorld.StartAsync(
            sandbox,
            mlflow,
            Trees.ToDictionary(model => model, _ => "import time; time.sleep(1.5)")
        );
        await mlflow.FaultAsync("runs/create", "lost-reply");
        await mlflow.FaultAsync("runs/log-batch", "lost-reply", times: 2);
        await mlflow.FaultAsync("model-versions/create", "lost-reply");
        Assert.Equal(
            HttpStatusCode.Accepted,
            (await world.App.PostAsync("/api/benchmark", """{"models": ["xgboost", "lightgbm"]}""")).Status
        );
        await world.JobAsync("lightgbm");
        await world.RestartAsync();
        int looks = await LooksAsync();
        await Eventually.HoldsAsync(async () => await LooksAsync() > looks, () => Task.FromResult(world.App.Log)); // it goes on
        await world.RestartAsync();
        JsonElement end = await world.App.WaitAsync(BenchmarkWorld.Suite);
        Assert.True(end.GetProperty("runtimeStatus").GetString() == "Completed", $"{end} {world.App.Log}");

        foreach (string model in Trees)
        {
            IReadOnlyList<SandboxCall> created = await world.CreatedAsync(model);
            Assert.Single(
                created
                    .Select(call => JsonDocument.Parse(call.Parameters).RootElement.GetProperty("TrainingJobName").GetString())
                    .Distinct()
            );
        }

        IReadOnlyList<JsonElement> runs = await RunsOfAsync(world);
        Assert.Equal(Trees.Order(), runs.Select(Name).Order());
        foreach (JsonElement run in runs)
        {
            Assert.Equal("FINISHED", Status(run));
            JsonElement[] metrics = [.. run.GetProperty("metrics").EnumerateArray()];
            Assert.Equal(
                metrics.Length,
                metrics.Select(metric => (metric.GetProperty("key").GetString(), metric.GetProperty("step").GetInt64())).Distinct().Count()
            );
        }

        Assert.Equal(2L, await world.ScalarAsync<long>("SELECT count(*) FROM benchmark.versions WHERE version = 1"));
        Assert.Equal(1L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.runs"));

        async Task<int> LooksAsync() => (await sandbox.CallsAsync("sagemaker", "DescribeTrainingJob")).Count;
    }

    [Fact]
    public async Task Without_a_tracking_server_the_record_is_kept_and_exported_later_once()
    {
        await using BenchmarkWorld world = await BenchmarkWorld.StartAsync(
            sandbox,
            mlflow: null,
            mnist: false,
            more: [("Benchmark__MemoryMb", "3500"), ("Benchmark__Images", "lightgbm=desk,pytorch=desk,tensorflow=desk")]
        );
        JsonElement end = await world.RunAsync();
        Dictionary<string, (string State, string Reason)> states = await world.StatesAsync();
        Assert.Equal("Passed", states["lightgbm"].State);
        Assert.Equal("NotRun", states["xgboost"].State);
        Assert.Contains("add xgboost=IMAGE to Benchmark__Images", states["xgboost"].Reason, StringComparison.Ordinal);
        Assert.Equal("Failed", states["pytorch-cnn"].State);
        Assert.Contains(
            "needs 4096 MB; the suite has 3500 (setting Benchmark__MemoryMb)",
            states["pytorch-cnn"].Reason,
            StringComparison.Ordinal
        );
        Assert.Equal("Failed", end.GetProperty("runtimeStatus").GetString());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await world.App.PostAsync("/api/benchmark/export")).Status);

        await world.RestartAsync(
            ("Benchmark__MlflowUrl", mlflow.Address.AbsoluteUri),
            ("Benchmark__Experiment", "exported"),
            ("CostGuard__RunUsd", "0.01")
        );
        await mlflow.FaultAsync("runs/log-batch", "500", times: -1);
        (HttpStatusCode code, JsonElement sent) = await world.App.PostAsync("/api/benchmark/export");
        Assert.Equal(HttpStatusCode.BadGateway, code);
        Assert.NotEqual(0, sent.GetProperty("waiting").GetArrayLength());
        await mlflow.ClearFaultsAsync();
        (code, sent) = await world.App.PostAsync("/api/benchmark/export");
        Assert.Equal((HttpStatusCode.OK, 0), (code, sent.GetProperty("waiting").GetArrayLength()));
        (code, sent) = await world.App.PostAsync("/api/benchmark/export");
        Assert.Equal((HttpStatusCode.OK, 0, 0), (code, sent.GetProperty("sent").GetInt32(), sent.GetProperty("aliasMoves").GetInt32()));
        Assert.Equal(6, (await RunsOfAsync(world)).Count);

        // And a suite that may cost nothing trains nothing.
        await world.RunAsync("""{"models": ["lightgbm"], "force": true}""");
        Assert.Equal("Failed", (await world.StatesAsync())["lightgbm"].State);
        Assert.Contains("setting CostGuard__RunUsd", (await world.StatesAsync())["lightgbm"].Reason, StringComparison.Ordinal);

        // MNIST was absent: its models were not run, and nothing was paid for them.
        Assert.Contains(
            "lacks train-images-idx3-ubyte.gz",
            states["tensorflow-mlp"].Reason + states["pytorch-mlp"].Reason,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_suite_that_is_not_set_up_says_which_settings_it_needs()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        (HttpStatusCode code, JsonElement answer) = await app.PostAsync("/api/benchmark");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, code);
        Assert.Contains("Benchmark__Bucket", answer.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync("/api/benchmark")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await app.GetAsync("/api/benchmark/comparison")).Status);
    }

    private static async Task AssertNothingRunsAsync(BenchmarkWorld world)
    {
        Assert.Equal(0L, await world.ScalarAsync<long>("SELECT count(*) FROM benchmark.results WHERE state = 'Running'"));
        Assert.Equal(0L, await world.ScalarAsync<long>("SELECT count(*) FROM operations.machine_leases WHERE state <> 'closed'"));
        using Amazon.SageMaker.AmazonSageMakerClient sageMaker = world.Sandbox.SageMaker();
        Assert.Empty(
            (
                await sageMaker.ListTrainingJobsAsync(new Amazon.SageMaker.Model.ListTrainingJobsRequest { StatusEquals = "InProgress" })
            ).TrainingJobSummaries
                ?? []
        );
    }

    /// <summary>Runs on the server of what this world's database holds: other tests share the server.</summary>
    private async Task<IReadOnlyList<JsonElement>> RunsOfAsync(BenchmarkWorld world)
    {
        string? suites = await world.ScalarAsync<string>("SELECT string_agg(DISTINCT run_id, ',') FROM benchmark.results");
        return
        [
            .. (await mlflow.RunsAsync()).Where(run =>
                suites?.Split(',').Contains(run.GetProperty("tags").GetProperty("suite").GetString()) == true
            ),
        ];
    }

    private static string Name(JsonElement run) => run.GetProperty("info").GetProperty("run_name").GetString()!;

    private static string Status(JsonElement run) => run.GetProperty("info").GetProperty("status").GetString()!;

    private static JsonElement Field(JsonElement node, string name) =>
        node.EnumerateObject().First(member => member.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    private static string Text(JsonElement node, string name) => Field(node, name).GetString()!;
}
