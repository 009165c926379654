using Durable.Tests.Fixtures;
using Durable.Tests.Functions;
using Durable.Tests.Orchestrations;
using Durable.Tests.Pipelines.Returns;
using Npgsql;

namespace Durable.Tests.AzureHost;

/// <summary>
/// The app's local surroundings: a database, the AWS sandbox with a cluster and buckets, a tracking server; and the driver with the app.
/// </summary>
internal sealed class DriverWorld : IAsyncDisposable
{
    public const string SpotBucket = "spot-tests";

    private readonly PotholeWorld pothole;
    private readonly string scripts,
        backups;

    private DriverWorld(AzureHostDriver host, PotholeWorld pothole, NpgsqlDataSource database, string scripts, string backups) =>
        (Host, this.pothole, Database, this.scripts, this.backups) = (host, pothole, database, scripts, backups);

    public AzureHostDriver Host { get; }

    public NpgsqlDataSource Database { get; }

    /// <summary>The pothole cluster, whose jobs can be held up.</summary>
    public PotholeWorld Pothole => pothole;

    public static async Task<DriverWorld> StartAsync(AwsSandbox sandbox, MlflowServer mlflow)
    {
        PotholeWorld pothole = await PotholeWorld.CreateAsync(sandbox, engine: false);
        (string scripts, Dictionary<string, string> benchmark) = await BenchmarkWorld.PrepareAsync(sandbox, mlflow);
        await sandbox.CreateBucketAsync(SpotBucket);
        await sandbox.CreateBucketAsync(ReturnsApp.Bucket);
        NpgsqlDataSource database = NpgsqlDataSource.Create(pothole.Connection);
        await ReturnsSample.SourceAsync(database, 300);
        string backups = Directory.CreateTempSubdirectory("driver-backups-").FullName;
        Dictionary<string, string> settings = new()
        {
            ["BackupDirectory"] = backups,
            ["Spot__Bucket"] = SpotBucket,
            ["Spot__Regions"] = "eu-north-1,us-west-1",
            ["Spot__InstanceTypes"] = "t3.micro,m5.*",
            ["Spot__QueriesPerPart"] = "8",
            ["Spot__AdvisorUrl"] = sandbox.Endpoint + "/sandbox/spot-advisor-data.json",
            ["Returns__Bucket"] = ReturnsApp.Bucket,
            ["Returns__RoleArn"] = "arn:aws:iam::123456789012:role/training",
            ["Returns__Epochs"] = "40",
            ["Returns__FewestRows"] = "100",
            ["Returns__AlsoNpy"] = "true",
            ["Returns__JobsDirectory"] = Path.Combine(SparkStandIn.Root, "Jobs"),
            ["Benchmark__MemoryMb"] = "2048", // room for a tree, not for a network: that one is refused
        };
        foreach ((string name, string value) in pothole.Settings.Concat(benchmark))
            settings.TryAdd(name, value);
        return new DriverWorld(await AzureHostDriver.StartAsync(AppSettings.OfSample(settings)), pothole, database, scripts, backups);
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await Database.DisposeAsync();
        await pothole.DisposeAsync();
        Directory.Delete(scripts, recursive: true);
        Directory.Delete(backups, recursive: true);
    }
}
