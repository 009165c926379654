namespace Durable.Pipelines.Benchmark;

/// <summary>Settings <c>Benchmark__…</c>. Without a bucket the suite is off; with one, every other value must be valid or the app does not
/// start.</summary>
public sealed class BenchmarkOptions
{
    public const string Section = "Benchmark";

    /// <summary>Bucket of data, code and results. Empty: the suite is off.</summary>
    public string Bucket { get; init; } = "";

    /// <summary>Prefix of everything the suite writes.</summary>
    public string Prefix { get; init; } = "benchmark";

    /// <summary>Prefix of MNIST's four gzipped IDX files. Absent: MNIST models do not run.</summary>
    public string MnistPrefix { get; init; } = "mnist";

    /// <summary>Rows of the generated table, 500 to 1,000,000. Default 10,000.</summary>
    public int TabularRows { get; init; } = 10_000;

    /// <summary>Role of training jobs.</summary>
    public string RoleArn { get; init; } = "";

    /// <summary>Training images, <c>framework=image</c>, comma-separated. A model whose framework has none does not run.</summary>
    public string Images { get; init; } = "";

    /// <summary>Memory of all jobs that run at the same time, MB. Default 8,192.</summary>
    public int MemoryMb { get; init; } = 8192;

    /// <summary>Processors of all jobs that run at the same time. Default 4.</summary>
    public int Cpus { get; init; } = 4;

    /// <summary>Longest time of any job, whatever its model's limit. From 1 s to 24 h, default 4 h.</summary>
    public TimeSpan LongestJob { get; init; } = TimeSpan.FromHours(4);

    /// <summary>Managed spot training: cheaper, may wait. Default false.</summary>
    public bool Spot { get; init; }

    /// <summary>Whether the daily tick runs what is missing, failed or stale. Default false.</summary>
    public bool Daily { get; init; }

    /// <summary>Tracking server, e.g. <c>http://mlflow:5000</c>. Empty: records stay in PostgreSQL until <c>export</c>.</summary>
    public string MlflowUrl { get; init; } = "";

    /// <summary>Bearer token for the tracking server. Empty: none is sent.</summary>
    public string MlflowToken { get; init; } = "";

    /// <summary>Experiment of the runs.</summary>
    public string Experiment { get; init; } = "durable-benchmark";

    /// <summary>Alias for a version whose gate passed.</summary>
    public string Alias { get; init; } = "champion";

    /// <summary>Folder of the scripts. Default <c>Jobs</c> beside the app.</summary>
    public string JobsDirectory { get; init; } = Path.Combine(AppContext.BaseDirectory, "Jobs");

    public bool IsOn => Bucket.Length > 0;

    public bool HasMlflow => MlflowUrl.Length > 0;

    /// <summary>Image by framework.</summary>
    public IReadOnlyDictionary<string, string> ImageOf =>
        Images
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(entry => entry.Split('=', 2))
            .Where(pair => pair.Length == 2)
            .GroupBy(pair => pair[0])
            .ToDictionary(group => group.Key, group => group.Last()[1]);
}

/// <summary>The suite is not set up.</summary>
public sealed class BenchmarkOffException()
    : Durable.Operations.PermanentFailureException(
        "The benchmark suite is off: set Benchmark__Bucket, Benchmark__RoleArn and Benchmark__Images."
    );
