using System.Text.Json.Serialization;
using Durable.Operations;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot;

/// <summary>The collector is not configured.</summary>
public sealed class SpotOffException() : PermanentFailureException("The spot collector is off: set Spot__Bucket.");

/// <summary>A slot has no raw files and its time is over: placement scores are available only at the time.</summary>
public sealed class SlotOverException(SlotTime slot, string when)
    : PermanentFailureException($"Slot {slot} has no raw files and {when}. Scores are known only at the time: this slot stays missing.");

/// <summary>There are no questions to ask, not even old ones.</summary>
public sealed class WorkloadMissingException(DateOnly day)
    : Exception($"There is no workload of {day:yyyy-MM-dd} or earlier. Pack one: durable spot workload --date {day:yyyy-MM-dd}");

/// <summary>Requests one slot.</summary>
/// <param name="Slot">Its time, UTC, e.g. <c>2026-11-26T10:20</c>.</param>
/// <param name="MaxRemovedShare">Share of the rows that may vanish; overrides the setting.</param>
/// <param name="PlanHash">Apply exactly this plan.</param>
public sealed record SlotRequest(string Slot, double? MaxRemovedShare = null, string? PlanHash = null)
{
    public string InstanceId => SlotTime.Parse(Slot).InstanceId;
}

/// <summary>A request with the run that serves it.</summary>
public sealed record SlotRun(string RunId, string InstanceId, SlotRequest Request)
{
    internal SlotTime Slot => SlotTime.Parse(Request.Slot);
}

/// <summary>Questions of one activity: <paramref name="Count"/> of the workload from <paramref name="First"/> on.</summary>
public sealed record ScorePart(int Number, int First, int Count);

/// <summary>The work of a slot, planned once at its start.</summary>
/// <param name="IsPresent">It is in the history: there is nothing to do.</param>
/// <param name="WorkloadDay">Day whose questions are asked: the slot's own or, when that one was not packed, the newest before it.</param>
/// <param name="Parts">Empty when the scores are in the bucket.</param>
/// <param name="Lanes">Parts asked at the same time.</param>
/// <param name="DeadlineUtc">After it, data available only at the time are no longer asked for.</param>
public sealed record SlotWork(
    string Slot,
    bool IsPresent,
    int Capacity,
    string WorkloadDay,
    IReadOnlyList<ScorePart> Parts,
    int Lanes,
    bool NeedsInterruptions,
    bool NeedsSpotPrices,
    bool NeedsOnDemandPrices,
    DateTime DeadlineUtc
)
{
    public bool UsesOldWorkload => !IsPresent && WorkloadDay != Slot[..10];
}

/// <summary>How a run of a slot ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SlotEnding>))]
public enum SlotEnding
{
    /// <summary>In the history, and the newest there.</summary>
    Stored,

    /// <summary>In the history, behind a newer one: latest did not move.</summary>
    Late,

    /// <summary>It was in the history before.</summary>
    Present,

    /// <summary>A step failed. Of a run that is an exception, never a result.</summary>
    Failed,
}

/// <summary>How a slot ended.</summary>
/// <param name="Sources">Sources with unknown data, with amount and reason.</param>
public sealed record SlotResult(
    string Slot,
    SlotEnding State,
    int Capacity,
    bool IsLate,
    int Asked,
    int Rows,
    int Changed,
    int Removed,
    int Carried,
    int Rejected,
    IReadOnlyList<string> Sources
);

/// <summary>Requests a day's questions.</summary>
/// <param name="Day"><c>YYYY-MM-DD</c>, UTC.</param>
public sealed record WorkloadRequest(string Day)
{
    public string InstanceId => "spot-workload-" + Day;
}

/// <summary>A request with the run that serves it.</summary>
public sealed record WorkloadRun(string RunId, string InstanceId, WorkloadRequest Request);

/// <summary>Result of packing.</summary>
/// <param name="Bound">Proven lower bound of the questions.</param>
/// <param name="Lists">Lists of one account's quota.</param>
/// <param name="AccountsNeeded">Accounts for all capacities of a day.</param>
public sealed record WorkloadReceipt(
    string Day,
    int Types,
    int Zones,
    int Queries,
    int Bound,
    int Lists,
    int AccountsNeeded,
    IReadOnlyList<string> UnknownRegions,
    bool WasThere = false
);

/// <summary>Requests every missing slot of a range that has raw files.</summary>
public sealed record SpotBackfillRequest(string From, string To, string? PlanHash = null)
{
    public string InstanceId => $"spot-backfill-{SlotTime.Parse(From).InstanceId[5..]}-{SlotTime.Parse(To).InstanceId[5..]}";
}

/// <summary>How one slot of a backfill ended.</summary>
public sealed record SlotOutcome(string Slot, SlotEnding State, string? Error = null);

/// <summary>How a backfill ended.</summary>
public sealed record SpotBackfillResult(int Slots, int Present, int Filled, int Failed, int Lost, IReadOnlyList<SlotOutcome> Outcomes);

/// <summary>Why a slot is not in the history.</summary>
[JsonConverter(typeof(StoredTextConverter<GapState>))]
public enum GapState
{
    /// <summary>Never begun.</summary>
    Missing,

    /// <summary>Its last run failed.</summary>
    Failed,

    /// <summary>Left while it collected.</summary>
    Collecting,

    /// <summary>Left between its delta and the history.</summary>
    Staged,
}

/// <summary>A slot that is not in the history.</summary>
/// <param name="CanBeFilled">Its scores are in the bucket.</param>
public sealed record Gap(string Slot, GapState State, string Reason, bool CanBeFilled);

/// <summary>The gaps of a range.</summary>
public sealed record GapReport(string From, string To, int Slots, int Present, IReadOnlyList<Gap> Gaps)
{
    public int CanBeFilled => Gaps.Count(gap => gap.CanBeFilled);
}
