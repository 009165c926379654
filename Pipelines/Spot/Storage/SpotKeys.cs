using System.Globalization;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Storage;

/// <summary>Keys in the bucket. The original's layout, with JSON Lines and Parquet instead of pickles.</summary>
public static class SpotKeys
{
    public const string Latest = "latest_data/latest_aws.json",
        Selector = "query-selector/query-selector-aws.json";

    public static string Workload(DateOnly day) => $"rawdata/aws/workloads/{Folder(day)}/binpacked_workloads.jsonl.gz";

    public static string Scores(SlotTime slot, int capacity) => FormattableString.Invariant($"{ScoresPrefix(slot)}{capacity}.jsonl.gz");

    /// <summary>Prefix of a slot's score file, for any capacity.</summary>
    public static string ScoresPrefix(SlotTime slot) => $"{ScoresFolder(slot.Day)}{Clock(slot)}_sps_";

    public static string ScoresFolder(DateOnly day) => $"rawdata/aws/sps/{Folder(day)}/";

    public static string ScorePart(SlotTime slot, int capacity, int part) =>
        FormattableString.Invariant($"rawdata/aws/sps-parts/{Folder(slot.Day)}/{Clock(slot)}_{capacity}/{part:000}.jsonl.gz");

    public static string Interruptions(SlotTime slot) => $"rawdata/aws/spot_if/{Folder(slot.Day)}/{Clock(slot)}_spot_if.jsonl.gz";

    public static string SpotPrices(SlotTime slot) => $"rawdata/aws/spot_price/{Folder(slot.Day)}/{Clock(slot)}_spot_price.jsonl.gz";

    public static string OnDemandPrices(DateOnly day) => $"rawdata/aws/ondemand_price/{Folder(day)}/ondemand_price.jsonl.gz";

    /// <summary>File of a slot whose day has none because a region failed.</summary>
    public static string PartialOnDemandPrices(SlotTime slot) =>
        $"rawdata/aws/ondemand_price/{Folder(slot.Day)}/{Clock(slot)}_ondemand_price.jsonl.gz";

    public static string Merged(SlotTime slot) => $"rawdata/aws/{Folder(slot.Day)}/{Clock(slot)}-00.parquet";

    /// <param name="attempt">Different for each attempt, so that a late writer overwrites nothing.</param>
    public static string Delta(SlotTime slot, string attempt) =>
        $"rawdata/aws/delta/{Folder(slot.Day)}/{Clock(slot)}_delta_{attempt}.jsonl.gz";

    public static string DeadLetters(SlotTime slot, string sink) => $"dead-letter/{sink}/{Folder(slot.Day)}/{Clock(slot)}.jsonl.gz";

    /// <summary>The slot's clock time in a score file's name; null when it is not such a name.</summary>
    public static SlotTime? SlotOfScores(DateOnly day, string key)
    {
        string name = key[(key.LastIndexOf('/') + 1)..];
        return name.Length > 5 && SlotTime.TryParse($"{day:yyyy-MM-dd}T{name[..2]}:{name[3..5]}", out SlotTime slot) ? slot : null;
    }

    /// <summary>The capacity in a score file's name.</summary>
    public static int? CapacityOfScores(string key)
    {
        int from = key.LastIndexOf('_') + 1,
            to = key.IndexOf('.', from);
        return to > from && int.TryParse(key[from..to], NumberStyles.None, CultureInfo.InvariantCulture, out int capacity)
            ? capacity
            : null;
    }

    private static string Folder(DateOnly day) => day.ToString("yyyy'/'MM'/'dd", CultureInfo.InvariantCulture);

    private static string Clock(SlotTime slot) => slot.Utc.ToString("HH-mm", CultureInfo.InvariantCulture);
}
