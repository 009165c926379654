using System.Text.Json.Serialization;
using Durable.Operations;
using Durable.Operations.Plans;
using Durable.Operations.Training;
using Durable.Pipelines.Benchmark.Results;

namespace Durable.Pipelines.Benchmark;

/// <summary>How a model stands. Stored, sent and shown by these names.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ModelState>))]
public enum ModelState
{
    /// <summary>It has not ended.</summary>
    Running,

    /// <summary>Accurate enough, and registered.</summary>
    Passed,

    /// <summary>Not accurate enough.</summary>
    GateFailed,

    /// <summary>It could not be trained or evaluated.</summary>
    Failed,

    /// <summary>It cannot be run here.</summary>
    NotRun,

    /// <summary>Ended because somebody asked.</summary>
    Cancelled,
}

/// <summary>How a suite ended. Stored, sent and shown by these names.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
{
    /// <summary>Every model passed.</summary>
    Passed,

    /// <summary>Nothing failed, and some models could not be run here.</summary>
    Incomplete,

    /// <summary>A model failed or missed its gate.</summary>
    Failed,

    /// <summary>Ended because somebody asked.</summary>
    Cancelled,
}

/// <summary>What the tracking server knows of a result.</summary>
[JsonConverter(typeof(StoredTextConverter<TrackingState>))]
public enum TrackingState
{
    /// <summary>Nothing.</summary>
    Pending,

    /// <summary>That it runs.</summary>
    [JsonStringEnumMemberName("RUNNING")]
    Running,

    /// <summary>That it ended well, but not all of it.</summary>
    [JsonStringEnumMemberName("FINISHED")]
    Finished,

    /// <summary>That it failed, but not all of it.</summary>
    [JsonStringEnumMemberName("FAILED")]
    Failed,

    /// <summary>That it was cancelled, but not all of it.</summary>
    [JsonStringEnumMemberName("KILLED")]
    Killed,

    /// <summary>All of it.</summary>
    Sent,
}

/// <summary>Requests models of the suite.</summary>
/// <param name="Models">Names; empty: all.</param>
/// <param name="Seed">Seed of the training; the data have their own.</param>
/// <param name="TrainRows">The first n training rows only; 0: all. The test rows stay whole.</param>
/// <param name="Epochs">Epochs or rounds; 0: as defined.</param>
/// <param name="Force">Also models that have passed.</param>
/// <param name="PlanHash">Apply exactly this plan.</param>
public sealed record BenchmarkRequest(
    IReadOnlyList<string> Models,
    int Seed = 42,
    int TrainRows = 0,
    int Epochs = 0,
    bool Force = false,
    string? PlanHash = null
)
{
    /// <summary>One suite at a time: a second start finds the first.</summary>
    public const string InstanceId = "benchmark";

    /// <summary>What determines the work, for the plan.</summary>
    public string OptionsText =>
        FormattableString.Invariant(
            $"seed {Seed}, training rows {(TrainRows == 0 ? "all" : TrainRows)}, epochs {(Epochs == 0 ? "as defined" : Epochs)}"
        );
}

/// <summary>A request with the run that serves it.</summary>
public sealed record BenchmarkRun(string RunId, string InstanceId, BenchmarkRequest Request);

/// <summary>A model of a run.</summary>
public sealed record ModelKey(string RunId, string Model);

/// <summary>One model that a suite has to run.</summary>
/// <param name="Refusal">Why it cannot run; null: it can.</param>
public sealed record ModelWork(string Model, int MemoryMb, int Cpus, string Fingerprint, string? Refusal);

/// <summary>The work of a suite, planned once at its start.</summary>
/// <param name="Models">To be run, by priority.</param>
/// <param name="Present">Already passed with the same definition, data, code and options.</param>
public sealed record SuiteWork(IReadOnlyList<ModelWork> Models, IReadOnlyList<string> Present, int MemoryMb, int Cpus);

/// <summary>One model of a suite, for the orchestration that runs it.</summary>
public sealed record ModelOrder(ModelKey Key, BenchmarkRequest Request, string Fingerprint);

/// <summary>A model's job, or why there is none.</summary>
public sealed record ModelJob(TrainingOrder? Order, string? NotRun);

/// <summary>A training job that succeeded.</summary>
public sealed record TrainedModel(ModelKey Key, string JobName, string ModelUri, int BilledSeconds, decimal CostUsd);

/// <summary>The end of a model, to be recorded.</summary>
/// <param name="Reason">Null only when it passed.</param>
public sealed record ModelEnd(ModelKey Key, ModelState State, string? Reason, string Fingerprint);

/// <summary>Outcome of a model, small enough for history.</summary>
/// <param name="Version">In the registry; null unless it passed.</param>
public sealed record ModelOutcome(string Model, ModelState State, string? Reason, double? Accuracy, double? Seconds, int? Version);

/// <summary>Outcome of a suite.</summary>
public sealed record SuiteResult(string RunId, Verdict Verdict, IReadOnlyList<ModelOutcome> Models, IReadOnlyList<string> Present)
{
    public int Failed => Models.Count(model => model.State is ModelState.Failed or ModelState.GateFailed);
}

/// <summary>The plan of a suite, with the planner's own data.</summary>
public sealed record SuitePlan(Plan Plan, SuiteWork Work);

/// <summary>A prepared data set on S3.</summary>
/// <param name="Prefix">Prefix of its channels, with a final slash.</param>
public sealed record PreparedData(string Name, string Hash, string Prefix, int TrainRows, int ValidationRows, int TestRows, int Classes);

/// <summary>A result as stored.</summary>
public sealed record ResultRow(
    string RunId,
    string Model,
    string InstanceId,
    ModelState State,
    string? Reason,
    string Framework,
    string? FrameworkVersion,
    string? DataSet,
    string? DataHash,
    string? JobName,
    IReadOnlyDictionary<string, string> Parameters,
    double LeastAccuracy,
    double? Accuracy,
    double? Precision,
    double? Recall,
    double? F1,
    double? TestLoss,
    double? TrainSeconds,
    int? BilledSeconds,
    decimal? CostUsd,
    long? PeakMemoryMb,
    string? ModelUri,
    string? ModelSha256,
    long? ModelBytes,
    int? BestEpoch,
    string? Convergence,
    IReadOnlyList<CurvePoint> Curve,
    IReadOnlyList<IReadOnlyList<int>> Confusion,
    DateTime StartedAt,
    DateTime? FinishedAt,
    int? Version,
    string? MlflowRunId,
    TrackingState Tracking
);
