using System.Net;
using System.Text.Json;
using Amazon.S3;
using Amazon.S3.Model;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Data;
using Durable.Tests.Fixtures;
using Durable.Tests.Pipelines.Benchmark;
using Npgsql;

namespace Durable.Tests.Functions;

/// <summary>The app with the benchmark set up on the sandbox, small data, a tracking server or none, and scripts that train in no time or
/// misbehave as told.</summary>
internal sealed class BenchmarkWorld : IAsyncDisposable
{
    public const string Bucket = "benchmark-tests",
        Suite = "benchmark";

    /// <summary>Nearest neighbours: needs nothing but numpy, and is better than every gate on this data.</summary>
    private const string Quick = """
        import numpy
        import scriptmode

        def train(job):
            rows, labels = job.array("train", "features").reshape(len(job.array("train", "labels")), -1).astype("float32"), job.array("train", "labels")
            def scores(part):
                part = part.reshape(len(part), -1).astype("float32")
                near = numpy.argsort((part ** 2).sum(1)[:, None] - 2 * part @ rows.T + (rows ** 2).sum(1)[None], axis=1)[:, :5]
                return numpy.stack([(labels[near] == c).mean(1) for c in range(labels.max() + 1)], axis=1)
            held = (scores(job.array("validation", "features")).argmax(1) == job.array("validation", "labels")).mean()
            for epoch in range(1, (job["epochs"] or 3) + 1):
                job.epoch(epoch, train_loss=1 / epoch, validation_loss=1.1 / epoch, validation_accuracy=held)
            job.scores(scores(job.array("test", "features")))
            open(job.model_file("model.json"), "w").write(str(job["seed"]))

        if __name__ == "__main__":
            scriptmode.run(train, "quick", {"max-depth": 0, "eta": 0.0, "subsample": 0.0, "colsample": 0.0, "rounds": 0, "early-stopping": 0, "num-leaves": 0, "learning-rate": 0.0,
                "feature-fraction": 0.0, "default-epochs": 0, "batch": 0, "dropout": 0.0})
        """;

    private readonly string folder;
    private readonly Dictionary<string, string> settings;

    private BenchmarkWorld(AwsSandbox sandbox, string folder, Dictionary<string, string> settings) =>
        (Sandbox, this.folder, this.settings) = (sandbox, folder, settings);

    public AwsSandbox Sandbox { get; }

    public AppProcess App { get; private set; } = null!;

    /// <param name="scripts">By model, instead of the quick one: <c>real</c> for the product's own; else Python code that is put into
    /// <c>train(job)</c>.</param>
    public static async Task<BenchmarkWorld> StartAsync(
        AwsSandbox sandbox,
        MlflowServer? mlflow,
        IReadOnlyDictionary<string, string>? scripts = null,
        bool mnist = true,
        params (string Name, string Value)[] more
    )
    {
        await sandbox.ResetAsync();
        (string folder, Dictionary<string, string> settings) = await PrepareAsync(sandbox, mlflow, scripts, mnist);
        BenchmarkWorld world = new(sandbox, folder, settings);
        foreach ((string name, string value) in more)
            world.settings[name] = value;
        world.App = await AppProcess.StartAsync(settings: world.settings);
        return world;
    }

    /// <summary>What the suite needs on a sandbox, and the settings that name it.</summary>
    /// <returns>The folder of the scripts, which the caller deletes, and the settings.</returns>
    public static async Task<(string Folder, Dictionary<string, string> Settings)> PrepareAsync(
        AwsSandbox sandbox,
        MlflowServer? mlflow,
        IReadOnlyDictionary<string, string>? scripts = null,
        bool mnist = true
    )
    {
        await sandbox.SetAsync("jobStartDelaySeconds", 0.05);
        await sandbox.SetAsync("jobStopGraceSeconds", 1);
        await sandbox.CreateBucketAsync(Bucket);
        string folder = Directory.CreateTempSubdirectory("benchmark-jobs-").FullName,
            jobs = Path.Combine(SparkStandIn.Root, "Jobs");
        foreach (string name in new[] { "training", "benchmark" })
            Directory.CreateDirectory(Path.Combine(folder, name));
        File.Copy(Path.Combine(jobs, "training", "scriptmode.py"), Path.Combine(folder, "training", "scriptmode.py"));
        foreach (string path in Directory.GetFiles(Path.Combine(jobs, "benchmark"), "*.py"))
            File.Copy(path, Path.Combine(folder, "benchmark", Path.GetFileName(path)));
        foreach (ModelDefinition model in BenchmarkModels.All)
        {
            string? own = scripts?.GetValueOrDefault(model.Name);
            if (own != "real")
                await File.WriteAllTextAsync(
                    Path.Combine(folder, "benchmark", model.Script),
                    own is null ? Quick : Quick.Replace("def train(job):\n", $"def train(job):\n    {own}\n")
                );
        }

        if (mnist)
        {
            using AmazonS3Client s3 = sandbox.S3();
            foreach ((string name, byte[] content) in MnistFiles.Names.Zip(Mnist.Make(1000, 200)))
                await s3.PutObjectAsync(
                    new PutObjectRequest
                    {
                        BucketName = Bucket,
                        Key = "mnist/" + name,
                        InputStream = new MemoryStream(content),
                    }
                );
        }

        return (
            folder,
            new Dictionary<string, string>(sandbox.Environment)
            {
                ["Benchmark__Bucket"] = Bucket,
                ["Benchmark__RoleArn"] = "arn:aws:iam::123456789012:role/sagemaker",
                ["Benchmark__Images"] = "xgboost=desk,lightgbm=desk,pytorch=desk,tensorflow=desk",
                ["Benchmark__TabularRows"] = "3000",
                ["Benchmark__JobsDirectory"] = folder,
                ["Benchmark__MlflowUrl"] = mlflow?.Address.AbsoluteUri ?? "",
            }
        );
    }

    /// <summary>Ends the app as a power cut would and starts it again on the same database.</summary>
    public async Task RestartAsync(params (string Name, string Value)[] changed)
    {
        string connection = App.Connection;
        App.Kill();
        await App.DisposeAsync();
        foreach ((string name, string value) in changed)
            settings[name] = value;
        App = await AppProcess.StartAsync(connection, settings);
    }

    public async Task<JsonElement> RunAsync(string body = "{}")
    {
        (HttpStatusCode code, JsonElement answer) = await App.PostAsync("/api/benchmark", body);
        Assert.True(code == HttpStatusCode.Accepted, $"{code} {answer}");
        return await App.WaitAsync(Suite);
    }

    /// <summary>Waits until the sandbox has begun a job of the model.</summary>
    public Task JobAsync(string model) =>
        Eventually.HoldsAsync(async () => (await CreatedAsync(model)).Count > 0, () => Task.FromResult($"no job of {model}: {App.Log}"));

    /// <summary>Calls that created a job of the model.</summary>
    public async Task<IReadOnlyList<SandboxCall>> CreatedAsync(string model) =>
        [
            .. (await Sandbox.CallsAsync("sagemaker", "CreateTrainingJob")).Where(call =>
                call.Parameters.Contains($"bench-{model}-", StringComparison.Ordinal)
            ),
        ];

    /// <summary>State of each model in the newest results, with its reason.</summary>
    public async Task<Dictionary<string, (string State, string Reason)>> StatesAsync() =>
        (await App.GetAsync("/api/benchmark"))
            .Body.GetProperty("models")
            .EnumerateArray()
            .ToDictionary(
                model => model.GetProperty("model").GetString()!,
                model => (model.GetProperty("state").GetString()!, model.GetProperty("reason").GetString() ?? "")
            );

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using NpgsqlConnection connection = new(App.Connection);
        await connection.OpenAsync();
        await using NpgsqlCommand command = new(sql, connection);
        object? value = await command.ExecuteScalarAsync();
        return value is null or DBNull ? default! : (T)value;
    }

    /// <summary>What a timer does, now.</summary>
    public async Task TickAsync(string function)
    {
        (HttpStatusCode code, JsonElement answer) = await App.PostAsync($"/admin/functions/{function}", """{"input": ""}""");
        Assert.True(code is HttpStatusCode.Accepted or HttpStatusCode.OK, $"{code} {answer}");
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
