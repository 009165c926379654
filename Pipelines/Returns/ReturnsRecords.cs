using System.Text.Json.Serialization;

namespace Durable.Pipelines.Returns;

/// <summary>Requests a training.</summary>
/// <param name="Limit">Only the latest n rows; 0: all.</param>
/// <param name="Since">Only rows from this time on, also read again from the source; null: all rows, and only new ones are read.</param>
/// <param name="SkipDataPrep">Train on the latest training set unchanged.</param>
/// <param name="Force">Train even if the same rows and code were already judged.</param>
/// <param name="InstanceType">Machine; null: the setting.</param>
/// <param name="FrameworkVersion">PyTorch of the image; null: the setting.</param>
/// <param name="PlanHash">Apply exactly this plan.</param>
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
    /// <summary>The start in the form of keys: <c>2025-12-23T08-00-00+00-00</c>.</summary>
    public string RunTs => StartUtc.ToString("yyyy-MM-dd'T'HH-mm-ss'+00-00'", System.Globalization.CultureInfo.InvariantCulture);

    public string JobName => StartUtc.ToString("'mlops-returns-'yyyyMMdd-HHmmss", System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>Result of a training job.</summary>
/// <param name="Version">Time of the run that started the job; names the model.</param>
public sealed record TrainedArtifact(string Fingerprint, string Version, string JobName, string ArtifactUri);

/// <summary>A candidate to judge.</summary>
public sealed record Candidate(ReturnsRun Run, TrainingSet Set, TrainedArtifact Trained);

/// <summary>A judged model.</summary>
/// <param name="PointerMark">ETag of the pointer at the judgement; null: there was none.</param>
/// <param name="CurrentVersion">The model it was compared with; null: none.</param>
/// <param name="TestMse">Its error on the test rows; null when it is NaN.</param>
/// <param name="Failed">Failed gates, as sentences.</param>
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

/// <summary>Outcome of a training.</summary>
/// <param name="Rows">Rows of the training set.</param>
/// <param name="CostUsd">Cost of the training jobs.</param>
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

/// <summary>Outcome of an inference.</summary>
/// <param name="Mse">Error of the last day's scored predictions of the served model; null when none was scored.</param>
public sealed record InferenceResult(
    InferenceEnding State,
    IReadOnlyList<SourceRead> Reads,
    string? Version,
    int Predicted,
    int Scored,
    double? Mse
);

/// <summary>Result of a prediction step.</summary>
public sealed record PredictedRows(string? Version, int Open, int Stored);

/// <summary>Result of a scoring step.</summary>
public sealed record ScoredRows(int Scored, double? Mse);
