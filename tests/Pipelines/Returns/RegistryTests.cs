using Amazon.S3;
using Amazon.S3.Model;
using Durable.Operations;
using Durable.Pipelines.Returns;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Pipelines.Returns;

/// <summary>Publishing and rolling back over the real S3 protocol: the served model is always a complete, judged one.</summary>
public sealed class RegistryTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>, IAsyncLifetime
{
    private const string Bucket = "returns-registry";
    private static readonly Judgement Judgement = new(0.5, null, 1, 2, 3, 0.5, 5, 10);
    private NpgsqlDataSource database = null!;
    private AmazonS3Client s3 = null!;
    private ReturnsStorage storage = null!;
    private ModelTable models = null!;
    private ModelServer server = null!;
    private ModelRegistry registry = null!;

    public async Task InitializeAsync()
    {
        await sandbox.ResetAsync();
        await sandbox.CreateBucketAsync(Bucket);
        database = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
        s3 = sandbox.S3();
        storage = new ReturnsStorage(s3, new ReturnsOptions { Bucket = Bucket, JobsDirectory = Path.Combine(SparkStandIn.Root, "Jobs") });
        models = new ModelTable(database);
        server = new ModelServer(storage);
        registry = new ModelRegistry(storage, models, server, TimeProvider.System);
    }

    public async Task DisposeAsync()
    {
        server.Dispose();
        s3.Dispose();
        await database.DisposeAsync();
    }

    [TorchFact]
    public async Task Publish_serve_publish_again_and_go_back()
    {
        JudgedModel first = await JudgedAsync("v1");
        await registry.PublishAsync(first);
        Assert.Equal("v1", (await server.GetAsync()).Pointer.Version);
        JudgedModel second = await JudgedAsync("v2");
        await registry.PublishAsync(second);
        ModelPointer pointer = (await server.GetAsync()).Pointer;
        Assert.Equal(
            ("v2", "v1", $"s3://{Bucket}/model/run_ts=v2/model.tar.gz"),
            (pointer.Version, pointer.PreviousVersion, pointer.ModelUri)
        );

        Assert.Equal("v1", (await registry.RollBackAsync(null)).Version);
        Assert.Equal("v1", (await server.GetAsync()).Pointer.Version);
        Assert.Contains("before v1", (await Assert.ThrowsAsync<RollbackRefusedException>(() => registry.RollBackAsync(null))).Message);
        Assert.Equal("v2", (await registry.RollBackAsync("v2")).Version);
        await Assert.ThrowsAsync<RollbackRefusedException>(() => registry.RollBackAsync("v2")); // served already
        await Assert.ThrowsAsync<RollbackRefusedException>(() => registry.RollBackAsync("v3"));
        Assert.Equal(
            ["rollback v2", "rollback v1", "publish v2", "publish v1"],
            (await models.ReadMovesAsync()).Select(move => $"{move.Reason.Text()} {move.ToVersion}")
        );
    }

    [TorchFact]
    public async Task A_publisher_that_was_overtaken_changes_nothing()
    {
        JudgedModel first = await JudgedAsync("v1"),
            late = await JudgedAsync("v2");
        await registry.PublishAsync(first);
        await Assert.ThrowsAsync<PointerMovedException>(() => registry.PublishAsync(late));
        Assert.Equal("v1", (await server.GetAsync()).Pointer.Version);

        // Judged against what is served now, it may.
        await registry.PublishAsync(late with { PointerMark = (await storage.ReadPointerAsync())!.ETag, CurrentVersion = "v1" });
        Assert.Equal("v2", (await server.GetAsync()).Pointer.Version);
    }

    [TorchFact]
    public async Task Of_many_publishers_at_once_one_wins()
    {
        JudgedModel[] judged = [.. await Task.WhenAll(Enumerable.Range(1, 6).Select(i => JudgedAsync($"v{i}", (byte)i)))];
        Exception?[] outcomes = await Task.WhenAll(judged.Select(model => Record.ExceptionAsync(() => registry.PublishAsync(model))));
        Assert.Single(outcomes, error => error is null);
        Assert.All(outcomes.Where(error => error is not null), error => Assert.IsType<PointerMovedException>(error));
        Assert.Single(await models.ReadMovesAsync());
        Assert.Equal((await models.ReadMovesAsync())[0].ToVersion, (await storage.ReadPointerAsync())!.Pointer.Version);
    }

    [TorchFact]
    public async Task A_crash_between_artefact_and_pointer_changes_nothing_and_is_made_good()
    {
        await registry.PublishAsync(await JudgedAsync("v1"));
        JudgedModel second = await JudgedAsync("v2");
        await sandbox.FaultAsync("s3", "PutObject", "denied", match: "latest.json");
        await Assert.ThrowsAsync<AmazonS3Exception>(() => registry.PublishAsync(second)); // the artefact lies there, the pointer does not know
        Assert.Equal("v1", (await server.GetAsync()).Pointer.Version);
        Assert.Single(await models.ReadMovesAsync());
        await registry.PublishAsync(second);
        await registry.PublishAsync(second); // a second run of the same activity
        Assert.Equal("v2", (await server.GetAsync()).Pointer.Version);
        Assert.Equal(2, (await models.ReadMovesAsync()).Count);
    }

    [TorchFact]
    public async Task A_corrupt_archive_is_not_served_not_published_and_not_gone_back_to()
    {
        JudgedModel first = await JudgedAsync("v1"),
            second;
        await registry.PublishAsync(first);
        await registry.PublishAsync(second = await JudgedAsync("v2"));
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = Bucket,
                Key = storage.ModelKey("v1"),
                ContentBody = "rotten",
            }
        );
        await Assert.ThrowsAsync<ObjectChangedException>(() => registry.RollBackAsync(null));
        Assert.Equal("v2", (await server.GetAsync()).Pointer.Version);

        JudgedModel third = await JudgedAsync("v3");
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = Bucket,
                Key = "jobs/v3/model.tar.gz",
                ContentBody = "changed after it was judged",
            }
        );
        await Assert.ThrowsAsync<ObjectChangedException>(() => registry.PublishAsync(third));

        using ModelServer fresh = new(storage);
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = Bucket,
                Key = storage.ModelKey("v2"),
                ContentBody = "rotten, too",
            }
        );
        await Assert.ThrowsAsync<ObjectChangedException>(() => fresh.GetAsync());
        Assert.NotNull(second);
    }

    [Fact]
    public async Task A_refused_model_cannot_be_published_and_without_a_model_nothing_is_served()
    {
        await Assert.ThrowsAsync<NoModelException>(() => server.GetAsync());
        await Assert.ThrowsAsync<NoModelException>(() => registry.RollBackAsync(null));
        await Assert.ThrowsAsync<ArgumentException>(() =>
            registry.PublishAsync(new JudgedModel("v1", "job", "s3://x", "s3://y", "", null, null, 1, ["too bad"]))
        );
    }

    [Fact]
    public async Task The_code_bundle_is_the_same_each_time_and_holds_the_scripts()
    {
        string uri = await storage.UploadCodeAsync();
        Assert.Equal(uri, await storage.UploadCodeAsync());
        using MemoryStream bundle = new(await storage.ReadAsync(uri));
        await using System.IO.Compression.GZipStream gzip = new(bundle, System.IO.Compression.CompressionMode.Decompress);
        using System.Formats.Tar.TarReader tar = new(gzip);
        List<string> names = [];
        while (tar.GetNextEntry() is { } entry)
            names.Add(entry.Name);
        Assert.Superset(
            new HashSet<string> { "train.py", "dataset.py", "script.py", "training/onnx_file.py", "training/safetensors_file.py" },
            names.ToHashSet()
        );
    }

    /// <summary>A model that was judged against what is served now, with its archive where a job would have left it.</summary>
    private async Task<JudgedModel> JudgedAsync(string version, byte difference = 0)
    {
        TrainedSample sample = await ReturnsSample.ModelAsync();
        byte[] archive = ModelTests.Archive(tar =>
        {
            foreach (string name in (string[])["model.onnx", "metadata.json"])
                ModelTests.Add(tar, name, File.ReadAllBytes(Path.Combine(sample.Folder, "model", name)));
            ModelTests.Add(tar, "version", [.. System.Text.Encoding.UTF8.GetBytes(version), difference]);
        });
        string key = $"jobs/{version}/model.tar.gz";
        await s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = Bucket,
                Key = key,
                InputStream = new MemoryStream(archive),
            }
        );
        await models.RecordAsync(
            version,
            "run",
            "job",
            "s3://train",
            storage.Uri(key),
            ReturnsStorage.Hash(archive),
            ModelVerdict.Accepted,
            Judgement
        );
        ServedPointer? served = await storage.ReadPointerAsync();
        return new JudgedModel(
            version,
            "job",
            "s3://train",
            storage.Uri(key),
            ReturnsStorage.Hash(archive),
            served?.ETag,
            served?.Pointer.Version,
            0.5,
            []
        );
    }
}
