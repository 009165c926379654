using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot;

/// <summary>Settings <c>Spot__…</c>. Without a bucket the collector is off; with one, every other value must be valid or the app does not
/// start.</summary>
public sealed class SpotOptions
{
    public const string Section = "Spot";

    /// <summary>The account whose credentials the process runs with.</summary>
    public const string DefaultAccount = "default";

    /// <summary>Bucket of raw files, snapshots and latest. Empty: the collector is off.</summary>
    public string Bucket { get; init; } = "";

    /// <summary>Accounts that ask for scores, comma-separated: <c>default</c>, role ARNs, profile names. Default <c>default</c>.</summary>
    public string Accounts { get; init; } = DefaultAccount;

    /// <summary>Different questions an account may ask in 24 h, 1 to 100000. Default 50.</summary>
    public int QueriesPerAccount { get; init; } = 50;

    /// <summary>Target capacities, one per slot in turn, rising from 1. Default 1,5,10,…,50.</summary>
    public string Capacities { get; init; } = "1,5,10,15,20,25,30,35,40,45,50";

    /// <summary>Regions to collect, comma-separated. Empty: all enabled ones.</summary>
    public string Regions { get; init; } = "";

    /// <summary>Instance types to collect, comma-separated; a final star matches anything: <c>m5.*,c6i.large</c>. Empty: all.</summary>
    public string InstanceTypes { get; init; } = "";

    /// <summary>Concurrent calls of one activity, 1 to 64. Default 8.</summary>
    public int CallsAtOnce { get; init; } = 8;

    /// <summary>Questions per activity, 1 to 10000. Default 500.</summary>
    public int QueriesPerPart { get; init; } = 500;

    /// <summary>Parts asked at the same time, 1 to 32. Default 4.</summary>
    public int Lanes { get; init; } = 4;

    /// <summary>How long after its start a slot may ask for data available only at the time, 1 to 10 min. Default 8 min. What was not asked
    /// by then is unknown.</summary>
    public TimeSpan SlotBudget { get; init; } = TimeSpan.FromMinutes(8);

    /// <summary>Largest share of the rows that one slot may remove, 0 to 1. Default 0.2.</summary>
    public double MaxRemovedShare { get; init; } = 0.2;

    /// <summary>URL of the Spot Advisor document.</summary>
    public string AdvisorUrl { get; init; } = "https://spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json";

    /// <summary>Timestream database; empty: changes are not sent there.</summary>
    public string TimestreamDatabase { get; init; } = "";

    /// <summary>Timestream table. Default aws.</summary>
    public string TimestreamTable { get; init; } = "aws";

    /// <summary>Days of history to keep, in whole months; 0: all. Default 0.</summary>
    public int HistoryDays { get; init; }

    /// <summary>Most slots of a gap report or a backfill, 1 to 5000. Default 1008, a week.</summary>
    public int LongestRange { get; init; } = 1008;

    public bool IsOn => Bucket.Length > 0;

    public IReadOnlyList<string> AccountPool => Split(Accounts);

    public IReadOnlyList<string> RegionList => Split(Regions);

    public CapacityLadder Ladder() =>
        new(Split(Capacities).Select(capacity => int.Parse(capacity, System.Globalization.CultureInfo.InvariantCulture)));

    /// <summary>True for a type to collect.</summary>
    public bool Wants(string instanceType)
    {
        IReadOnlyList<string> wanted = Split(InstanceTypes);
        return wanted.Count == 0
            || wanted.Any(pattern =>
                pattern.EndsWith('*') ? instanceType.StartsWith(pattern[..^1], StringComparison.Ordinal) : instanceType == pattern
            );
    }

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
