using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Durable.Operations.Ledger;

namespace Durable.Operations.Plans;

/// <summary>One partition of a plan, with the reason to fill or skip it.</summary>
/// <param name="Rows">Expected rows; 0 when unknown.</param>
public sealed record PlannedPartition(string Key, PlanReason Reason, long Rows = 0)
{
    public bool IsToFill => Reason != PlanReason.Present;
}

/// <summary>Why a partition or a step is done or skipped.</summary>
[JsonConverter(typeof(StoredTextConverter<PlanReason>))]
public enum PlanReason
{
    /// <summary>Never done.</summary>
    Missing,

    /// <summary>The last attempt failed.</summary>
    Failed,

    /// <summary>Its inputs, code or options have changed.</summary>
    Stale,

    /// <summary>Requested regardless of its state.</summary>
    Forced,

    /// <summary>An earlier step is done again.</summary>
    After,

    /// <summary>In place: skipped.</summary>
    Present,
}

/// <summary>Exactly what a start would do, and why.</summary>
/// <param name="Hash">Of kind, options and partitions; a start with this hash does exactly this plan.</param>
/// <param name="Options">What determines the work besides the partitions, e.g. the window.</param>
/// <param name="EstimatedSeconds">From earlier runs, else from the rows at a typical speed; null when neither is known.</param>
public sealed record Plan(
    string Hash,
    string Kind,
    string Options,
    IReadOnlyList<PlannedPartition> Partitions,
    int Lanes,
    double? EstimatedSeconds
)
{
    public int ToFill => Partitions.Count(partition => partition.IsToFill);

    /// <summary>Rows to be written.</summary>
    public long EstimatedRows => Partitions.Where(partition => partition.IsToFill).Sum(partition => partition.Rows);

    public int Skipped => Partitions.Count - ToFill;

    /// <summary>Compares the wanted partitions with the ledger. Fills only missing, failed and stale ones, or all with
    /// <paramref name="force"/>.</summary>
    /// <param name="wanted">Keys, each with the fingerprints under which the stored partition is current.</param>
    /// <param name="rows">Rows of a partition, by key.</param>
    /// <param name="rowsPerSecond">Speed of a lane, for the estimate when no run of the kind was timed; null: no estimate then.</param>
    public static Plan Make(
        string kind,
        string options,
        IReadOnlyList<(string Key, IReadOnlyList<string> Fingerprints)> wanted,
        IReadOnlyDictionary<string, PartitionRecord> ledger,
        int lanes,
        bool force,
        Func<string, long>? rows = null,
        double? rowsPerSecond = null
    )
    {
        PlannedPartition[] partitions =
        [
            .. wanted.Select(want => new PlannedPartition(
                want.Key,
                Reason(ledger.GetValueOrDefault(want.Key), want.Fingerprints, force),
                rows?.Invoke(want.Key) ?? 0
            )),
        ];
        double[] timed =
        [
            .. ledger.Values.Where(record => record.DurationMilliseconds > 0).Select(record => record.DurationMilliseconds / 1000.0),
        ];
        int toFill = partitions.Count(partition => partition.IsToFill);
        double? work =
            timed.Length > 0
                ? timed.Average() * toFill
                : partitions.Where(partition => partition.IsToFill).Sum(partition => partition.Rows) / rowsPerSecond;
        double? estimate = work is { } seconds ? Math.Round(seconds / Math.Max(1, lanes), 1) : null;
        return new Plan(HashOf(kind, options, partitions), kind, options, partitions, lanes, estimate);
    }

    /// <summary>What changed from <paramref name="before"/> to this plan, in sentences. Empty when they are equal.</summary>
    public IReadOnlyList<string> DifferenceFrom(Plan before)
    {
        Dictionary<string, PlanReason> then = before.Partitions.ToDictionary(partition => partition.Key, partition => partition.Reason);
        Dictionary<string, PlanReason> now = Partitions.ToDictionary(partition => partition.Key, partition => partition.Reason);
        return
        [
            .. before.Options == Options ? [] : new[] { $"options were {before.Options}, are {Options}" },
            .. now.Where(pair => !then.ContainsKey(pair.Key)).Select(pair => $"{pair.Key}: not in the plan, now {pair.Value.Text()}"),
            .. then.Where(pair => !now.ContainsKey(pair.Key)).Select(pair => $"{pair.Key}: was {pair.Value.Text()}, no longer wanted"),
            .. now.Where(pair => then.TryGetValue(pair.Key, out PlanReason reason) && reason != pair.Value)
                .Select(pair => $"{pair.Key}: was {then[pair.Key].Text()}, is {pair.Value.Text()}"),
        ];
    }

    private static PlanReason Reason(PartitionRecord? record, IReadOnlyList<string> fingerprints, bool force) =>
        record switch
        {
            _ when force => PlanReason.Forced,
            null or { State: PartitionState.Missing } => PlanReason.Missing,
            { State: PartitionState.Failed } => PlanReason.Failed,
            _ when !fingerprints.Contains(record.Fingerprint) => PlanReason.Stale,
            _ => PlanReason.Present,
        };

    private static string HashOf(string kind, string options, IEnumerable<PlannedPartition> partitions)
    {
        string text = string.Join('\n', [kind, options, .. partitions.Select(partition => $"{partition.Key} {partition.Reason.Text()}")]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
    }
}

/// <summary>A plan no longer matches the world.</summary>
public sealed class PlanStaleException(string hash, IReadOnlyList<string> difference)
    : PermanentFailureException(
        $"Plan {hash} no longer matches: {string.Join("; ", difference.Take(10))}{(difference.Count > 10 ? $"; and {difference.Count - 10} more" : "")}. Ask for a new plan."
    )
{
    public IReadOnlyList<string> Difference { get; } = difference;
}
