namespace Durable.Pipelines.Pothole;

/// <summary>Settings <c>Pothole__…</c>. Without a bucket the pipeline is off; with one, every other value must be valid or the app does not
/// start.</summary>
public sealed class PotholeOptions
{
    public const string Section = "Pothole";

    /// <summary>Bucket of sensor data, code and results. Empty: the pipeline is off.</summary>
    public string Bucket { get; init; } = "";

    /// <summary>Sensor data is in <c>&lt;this&gt;/dt=YYYY-MM-DD/*.parquet</c>.</summary>
    public string RawDataPrefix { get; init; } = "raw-sensor-data";

    public string Stage1Prefix { get; init; } = "stage1_anomaly_detected";

    public string Stage2Prefix { get; init; } = "stage2_spatial_clustering";

    /// <summary>Code bundles are in <c>&lt;this&gt;/&lt;content hash&gt;/</c> and never change.</summary>
    public string CodePrefix { get; init; } = "spark-job-code";

    /// <summary>Prefix of a stage's output before it is swapped in:
    /// <c>&lt;this&gt;/dt=D/&lt;run&gt;/&lt;stage&gt;-&lt;attempt&gt;/</c>.</summary>
    public string RunsPrefix { get; init; } = "pothole-runs";

    /// <summary>Road segments, CSV: s_id, start_lon, start_lat, end_lon, end_lat.</summary>
    public string RoadsKey { get; init; } = "road-network/road_network_863.csv";

    /// <summary>Speed bumps, CSV; empty: none are excluded.</summary>
    public string SpeedBumpsKey { get; init; } = "";

    /// <summary>EC2 instance that runs the Spark master and the drivers.</summary>
    public string MasterInstanceId { get; init; } = "";

    /// <summary>EC2 instances of the workers, comma-separated.</summary>
    public string WorkerInstanceIds { get; init; } = "";

    /// <summary>Memory of an executor, e.g. <c>2g</c>. A t3.medium has 4 GB: 4g cannot start there. Default 2g.</summary>
    public string ExecutorMemory { get; init; } = "2g";

    /// <summary>Cores of an executor, 1 to 64. Default 2.</summary>
    public int ExecutorCores { get; init; } = 2;

    /// <summary>Cores of all executors together, 1 to 1024. Default 8.</summary>
    public int TotalExecutorCores { get; init; } = 8;

    /// <summary>Pinned Python packages for master and workers, comma-separated: <c>pyarrow==17.0.0</c>. Default none: the stages need
    /// none.</summary>
    public string PythonPackages { get; init; } = "";

    /// <summary>Longest time the cluster may be up for one day's run, 10 min to 12 h. Default 4 h. The reaper uses the same
    /// value.</summary>
    public TimeSpan ClusterBudget { get; init; } = TimeSpan.FromHours(4);

    /// <summary>Largest share of scored rows too far from the road, 0 to 1. Default 0.9, so that only a road file of another place
    /// fails.</summary>
    public double MaxRejectedShare { get; init; } = 0.9;

    /// <summary>Most days of a backfill, 1 to 1000. Default 100.</summary>
    public int LongestBackfill { get; init; } = 100;

    /// <summary>Folder of the stages' code. Default <c>Jobs/pothole</c> beside the app.</summary>
    public string JobsDirectory { get; init; } = Path.Combine(AppContext.BaseDirectory, "Jobs", "pothole");

    public bool IsOn => Bucket.Length > 0;

    public IReadOnlyList<string> Workers =>
        WorkerInstanceIds.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    public IReadOnlyList<string> Packages =>
        PythonPackages.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
