using System.Text.Json.Serialization;
using Durable.Operations.Leases;
using Durable.Operations.Plans;

namespace Durable.Pipelines.Pothole;

/// <summary>Requests one day.</summary>
/// <param name="Date">Korean calendar day, <c>YYYY-MM-DD</c>.</param>
/// <param name="Force">Run every step again, also those already done.</param>
public sealed record PotholeRequest(string Date, bool Force = false)
{
    /// <summary>One day, one instance: a second start finds the first.</summary>
    public string InstanceId => IdOf(Date);

    public static string IdOf(string date) => "pothole-" + date;
}

/// <summary>A request with the run that serves it.</summary>
public sealed record PotholeRun(string RunId, string InstanceId, PotholeRequest Request)
{
    public string Date => Request.Date;
}

/// <summary>Why a step runs or is skipped.</summary>
public sealed record StepPlan(string Step, PlanReason Reason)
{
    public bool IsToDo => Reason != PlanReason.Present;
}

/// <summary>The work of one day's run, planned once at its start.</summary>
/// <param name="InputFiles">Non-empty sensor files of the day; 0: nothing to do, and no machine starts.</param>
/// <param name="Stages">The stages to run, in order.</param>
/// <param name="CodeHash">Content hash of the stages' code.</param>
/// <param name="LoadFingerprint">Hash of the inputs of the rows to load.</param>
public sealed record PotholeWork(
    string Date,
    string RunId,
    int InputFiles,
    long InputBytes,
    string InputPrefix,
    IReadOnlyList<StepPlan> Steps,
    IReadOnlyList<StageWork> Stages,
    string CodeUri,
    string CodeHash,
    string LoadFingerprint,
    ClusterRequest Cluster,
    SparkSettings Spark
)
{
    public bool HasInput => InputFiles > 0;
}

/// <summary>One stage of one run.</summary>
/// <param name="RunPrefix">Each attempt writes to <c>&lt;this&gt;/&lt;job id of the attempt&gt;/</c>: no two drivers ever write to one
/// path.</param>
/// <param name="Arguments">Of the stage itself, without input and output.</param>
public sealed record StageWork(
    string Name,
    string Script,
    string InputUri,
    string RunPrefix,
    string RunUri,
    IReadOnlyList<string> Arguments,
    TimeSpan Timeout,
    string Fingerprint
);

/// <summary>Options of spark-submit.</summary>
public sealed record SparkSettings(
    string Region,
    string ExecutorMemory,
    int ExecutorCores,
    int TotalExecutorCores,
    IReadOnlyList<string> Packages
);

/// <summary>A stage whose driver succeeded, to be published.</summary>
/// <param name="JobId">The attempt that succeeded.</param>
public sealed record StageOutput(PotholeRun Run, StageWork Stage, string JobId);

/// <summary>A step that is done.</summary>
/// <param name="Rows">Rows written.</param>
public sealed record StepDone(string Step, long Rows, string Detail);

/// <summary>How a day ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DayState>))]
public enum DayState
{
    /// <summary>Every step is done.</summary>
    Succeeded,

    /// <summary>The day has no data; nothing started.</summary>
    NoInput,

    /// <summary>A step failed. For a run this is an exception, never a result.</summary>
    Failed,
}

/// <summary>Result of a day.</summary>
/// <param name="Receipt">State, seconds and cost of each machine; null when none was started.</param>
public sealed record PotholeResult(
    string Date,
    DayState State,
    IReadOnlyList<StepDone> Steps,
    IReadOnlyList<string> Skipped,
    LeaseReceipt? Receipt,
    IReadOnlyList<string> Warnings
);

/// <summary>Result of loading a day.</summary>
/// <param name="Removed">Segments of an earlier run of the day that this one lacks.</param>
/// <param name="Warnings">Doubts about the data's quality that do not stop the run.</param>
public sealed record LoadedSegments(string Date, int Rows, int Removed, long Impacts, long Total, IReadOnlyList<string> Warnings);

/// <summary>Requests every day of a range, both ends included.</summary>
/// <param name="Force">Also the days that are done.</param>
public sealed record BackfillRequest(string From, string To, bool Force = false)
{
    public string InstanceId => $"pothole-backfill-{From}-{To}";
}

/// <summary>How one day of a backfill ended.</summary>
public sealed record DayOutcome(string Date, DayState State, string? Error = null);

/// <summary>How a backfill ended.</summary>
/// <param name="Skipped">Days already done.</param>
public sealed record BackfillResult(int Days, int Skipped, int Succeeded, int NoInput, int Failed, IReadOnlyList<DayOutcome> Outcomes);
