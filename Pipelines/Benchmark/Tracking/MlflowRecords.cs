using System.Text.Json.Serialization;
using Durable.Operations;

namespace Durable.Pipelines.Benchmark.Tracking;

/// <summary>A number at a step of a run.</summary>
/// <param name="TimestampMs">Unix time in milliseconds.</param>
public sealed record MlflowMetric(string Key, double Value, long TimestampMs, long Step);

/// <summary>A run on the server.</summary>
/// <param name="ArtifactUri">URI of its artefacts, e.g. <c>mlflow-artifacts:/1/&lt;run&gt;/artifacts</c>.</param>
/// <param name="Metrics">The newest value of each.</param>
public sealed record MlflowRun(
    string RunId,
    string ExperimentId,
    string Name,
    MlflowStatus Status,
    string ArtifactUri,
    IReadOnlyDictionary<string, string> Params,
    IReadOnlyDictionary<string, double> Metrics,
    IReadOnlyDictionary<string, string> Tags
);

/// <summary>A version of a registered model.</summary>
public sealed record MlflowVersion(string Name, string Version, string? RunId, string Source);

/// <summary>How a run stands on the server, by the server's words.</summary>
[JsonConverter(typeof(StoredTextConverter<MlflowStatus>))]
public enum MlflowStatus
{
    [JsonStringEnumMemberName("RUNNING")]
    Running,

    [JsonStringEnumMemberName("SCHEDULED")]
    Scheduled,

    [JsonStringEnumMemberName("FINISHED")]
    Finished,

    [JsonStringEnumMemberName("FAILED")]
    Failed,

    [JsonStringEnumMemberName("KILLED")]
    Killed,
}
