namespace Durable.Pipelines.Returns;

/// <summary>Settings <c>Returns__…</c>. Without a bucket the pipeline is off; with one, every other value must be valid or the app does not
/// start.</summary>
public sealed class ReturnsOptions
{
    public const string Section = "Returns";

    /// <summary>Bucket of training sets, code and models. Empty: the pipeline is off.</summary>
    public string Bucket { get; init; } = "";

    /// <summary>Source of the rows: <c>postgres</c> or <c>supabase</c> (PostgREST).</summary>
    public string Source { get; init; } = "postgres";

    /// <summary>Npgsql connection string of the source. Empty: the pipelines' own database.</summary>
    public string SourceConnection { get; init; } = "";

    /// <summary>Base URL of the PostgREST source, such as <c>https://project.supabase.co</c>.</summary>
    public string SupabaseUrl { get; init; } = "";

    /// <summary>Key of the PostgREST source; read-only rights are enough.</summary>
    public string SupabaseKey { get; init; } = "";

    public string TrainPrefix { get; init; } = "train";

    public string ModelPrefix { get; init; } = "model";

    public string CodePrefix { get; init; } = "code";

    /// <summary>Role of the training job.</summary>
    public string RoleArn { get; init; } = "";

    /// <summary>Training image. <c>{version}</c> is replaced by the framework version, <c>{region}</c> by the AWS region.</summary>
    public string TrainingImage { get; init; } = "763104351884.dkr.ecr.{region}.amazonaws.com/pytorch-training:{version}-cpu-py310";

    public string FrameworkVersion { get; init; } = "2.2";

    /// <summary>Machine of the training job. The network has 172,870 weights: a CPU is enough. Default ml.m5.large.</summary>
    public string InstanceType { get; init; } = "ml.m5.large";

    /// <summary>Train on spot capacity; without any, the job is retried on demand.</summary>
    public bool Spot { get; init; }

    /// <summary>Longest time a training job may run, 5 s to 5 h; the service itself ends it then. Default 30 min.</summary>
    public TimeSpan LongestTraining { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Most epochs of a training, 1 to 10,000. Default 100.</summary>
    public int Epochs { get; init; } = 100;

    /// <summary>How far before the newest known row each read starts, to find late rows. Default 6 h.</summary>
    public TimeSpan Overlap { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Largest share of rejected rows in a read, 0 to 1. Default 0.05.</summary>
    public double MaxRejectedShare { get; init; } = 0.05;

    /// <summary>Fewest rows to train on, 10 to 1,000,000. Default 200.</summary>
    public int FewestRows { get; init; } = 200;

    /// <summary>How much worse than the current model a candidate may be on the same rows, as a share of its error, 0 to 1. Default
    /// 0.02.</summary>
    public double Epsilon { get; init; } = 0.02;

    /// <summary>Drift limit: error of recent predictions over the error at publication, above 1; beyond it a notification is sent. Default
    /// 4.</summary>
    public double MaxDrift { get; init; } = 4;

    /// <summary>Also write the training set as .npy: for a Python that cannot read Parquet. Default false.</summary>
    public bool AlsoNpy { get; init; }

    /// <summary>Folder of the training code. Default <c>Jobs</c> beside the app.</summary>
    public string JobsDirectory { get; init; } = Path.Combine(AppContext.BaseDirectory, "Jobs");

    public bool IsOn => Bucket.Length > 0;

    public string ImageFor(string version, string region) =>
        TrainingImage.Replace("{version}", version, StringComparison.Ordinal).Replace("{region}", region, StringComparison.Ordinal);
}
