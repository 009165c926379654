using System.Text.Json.Serialization;

namespace Durable.Pipelines.Returns;

/// <summary>Asks for a training.</summary>
/// <param name="Limit">Only the latest so many rows; 0: all.</param>
/// <param name="Since">Only rows from this time on, which are also read from the source again; null: all, and only what is new is
/// read.</param>
/// <param name="SkipDataPrep">Train on the latest training set as it is.</param>
/// <param name="Force">Train even when these very rows and this very code were judged before.</param>
/// <param name="InstanceType">Machine; null: the setting.</param>
/// <param name="FrameworkVersion">PyTorch of the image; null: the setting.</param>
/// <param name="PlanHash">Do what this plan says, or nothing.</param>
public sealed record ReturnsRequest(
    long Limit = 0,
    DateTime? Since = null,
    bool SkipDataPrep = false,
    bool Force = false,
    string? InstanceType = null,
    string? FrameworkVersion = null,
    string? PlanHash = null
)
{
    /// <summary>One training at a time: a second start finds the first.</summary>
    public const string InstanceId = "returns-training";

    /// <summary>One inference at a time.</summary>
    public const string InferenceInstanceId = "returns-inference";
}

/// <summary>A request with the run that serves it.</summary>
/// <param name="StartUtc">Names the training set, the job and the model.</param>
public sealed record ReturnsRun(string RunId, string InstanceId, DateTime StartUtc, ReturnsRequest Request)
{
    /// <summary>The start as keys have it: <c>2025-12-23T08-00-00+00-00</c>.</summary>
    public string RunTs => StartUtc.ToString("yyyy-MM-dd'T'HH-mm-ss'+00-00'", System.Globalization.CultureInfo.InvariantCulture);

    public string JobName => StartUtc.ToString("'mlops-returns-'yyyyMMdd-HHmmss", System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>What a training job left.</summary>
/// <param name="Version">Time of the run that started the job; names the model.</param>
public sealed record TrainedArtifact(string Fingerprint, string Version, string JobName, string ArtifactUri);

/// <summary>A candidate to judge.</summary>
public sealed record Candidate(ReturnsRun Run, TrainingSet Set, TrainedArtifact Trained);

/// <summary>A judged model.</summary>
/// <param name="PointerMark">Mark of the pointer that was in place when it was judged; null: there was none.</param>
/// <param name="CurrentVersion">The model it was compared with.</param>
/// <param name="TestMse">Its error on the test rows; null when it is no number.</param>
/// <param name="Failed">Gates it did not pass, as sentences.</param>
public sealed record JudgedModel(
    string Version,
    string JobName,
    string TrainUri,
    string ArtifactUri,
    string Sha256,
    string? PointerMark,
    string? CurrentVersion,
    double? TestMse,
    IReadOnlyList<string> Failed
)
{
    public bool IsAccepted => Failed.Count == 0;
}

/// <summary>How a training ended. A failure is an exception, never a result.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TrainingEnding>))]
public enum TrainingEnding
{
    /// <summary>The new model is served.</summary>
    Published,

    /// <summary>A gate did not pass; the served model stays.</summary>
    Refused,

    /// <summary>Nothing new to train on.</summary>
    UpToDate,
}

/// <summary>How an inference ended. A failure is an exception, never a result.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<InferenceEnding>))]
public enum InferenceEnding
{
    /// <summary>Predictions were stored.</summary>
    Predicted,

    /// <summary>Every row had its prediction.</summary>
    NothingNew,

    /// <summary>No model is served.</summary>
    NoModel,
}

/// <summary>What came of a training.</summary>
/// <param name="Rows">Rows of the training set.</param>
/// <param name="CostUsd">What the training jobs cost.</param>
public sealed record ReturnsResult(
    TrainingEnding State,
    string RunTs,
    IReadOnlyList<SourceRead> Reads,
    int Rows,
    string? TrainUri,
    string? JobName,
    string? Version,
    double? TestMse,
    IReadOnlyList<string> Refusals,
    int BilledSeconds,
    decimal CostUsd,
    int Attempts
);

/// <summary>What came of an inference.</summary>
/// <param name="Mse">Error of the last day's scored predictions of the served model; null when none was scored.</param>
public sealed record InferenceResult(
    InferenceEnding State,
    IReadOnlyList<SourceRead> Reads,
    string? Version,
    int Predicted,
    int Scored,
    double? Mse
);

/// <summary>What a prediction step did.</summary>
public sealed record PredictedRows(string? Version, int Open, int Stored);

/// <summary>What a scoring step found.</summary>
public sealed record ScoredRows(int Scored, double? Mse);
