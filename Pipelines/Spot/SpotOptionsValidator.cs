using System.Text.RegularExpressions;
using Durable.Operations;
using Durable.Operations.Aws;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot;

/// <summary>Reports every invalid setting at once. Checks nothing while the collector is off.</summary>
internal sealed partial class SpotOptionsValidator() : SettingsValidator<SpotOptions>(SpotOptions.Section, options => options.IsOn)
{
    protected override IEnumerable<string> Errors(SpotOptions o)
    {
        if (!S3Names.IsBucket(o.Bucket))
            yield return Bad(nameof(o.Bucket), o.Bucket, S3Names.BucketAllowed);
        if (o.AccountPool.Count == 0)
            yield return Bad(nameof(o.Accounts), o.Accounts, "default, role ARNs or profile names, by comma");
        if (o.AccountPool.Distinct().Count() != o.AccountPool.Count)
            yield return Bad(nameof(o.Accounts), o.Accounts, "each account once");
        foreach (string account in o.AccountPool.Where(account => !RoleArns.IsRole(account) && !Profile().IsMatch(account)))
            yield return Bad(nameof(o.Accounts), account, "default, arn:aws:iam::<account>:role/<name>, or a profile name");
        if (o.QueriesPerAccount is < 1 or > 100_000)
            yield return Bad(nameof(o.QueriesPerAccount), o.QueriesPerAccount, "1 to 100000");
        if (!IsLadder(o))
            yield return Bad(nameof(o.Capacities), o.Capacities, "whole numbers up to 10000 that rise from 1, by comma");
        foreach (string region in o.RegionList.Where(region => !Region().IsMatch(region)))
            yield return Bad(nameof(o.Regions), region, "regions such as eu-north-1, by comma");
        if (o.CallsAtOnce is < 1 or > 64)
            yield return Bad(nameof(o.CallsAtOnce), o.CallsAtOnce, "1 to 64");
        if (o.QueriesPerPart is < 1 or > 10_000)
            yield return Bad(nameof(o.QueriesPerPart), o.QueriesPerPart, "1 to 10000");
        if (o.Lanes is < 1 or > 32)
            yield return Bad(nameof(o.Lanes), o.Lanes, "1 to 32");
        if (o.SlotBudget < TimeSpan.FromMinutes(1) || o.SlotBudget > SlotTime.Length)
            yield return Bad(nameof(o.SlotBudget), o.SlotBudget, "00:01:00 to 00:10:00");
        if (!(o.MaxRemovedShare is >= 0 and <= 1))
            yield return Bad(nameof(o.MaxRemovedShare), o.MaxRemovedShare, "0 to 1");
        if (!Uri.TryCreate(o.AdvisorUrl, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
            yield return Bad(nameof(o.AdvisorUrl), o.AdvisorUrl, "an http or https URL");
        if (o.TimestreamDatabase.Length > 0 && !Table().IsMatch(o.TimestreamDatabase))
            yield return Bad(nameof(o.TimestreamDatabase), o.TimestreamDatabase, "empty, or 3 to 256 letters, digits and _.-");
        if (!Table().IsMatch(o.TimestreamTable))
            yield return Bad(nameof(o.TimestreamTable), o.TimestreamTable, "3 to 256 letters, digits and _.-");
        if (o.HistoryDays is < 0 or > 36_500)
            yield return Bad(nameof(o.HistoryDays), o.HistoryDays, "0 to 36500");
        if (o.LongestRange is < 1 or > 5000)
            yield return Bad(nameof(o.LongestRange), o.LongestRange, "1 to 5000");
    }

    private static bool IsLadder(SpotOptions options)
    {
        try
        {
            CapacityLadder ladder = options.Ladder();
            return ladder.At(ladder.Count - 1) <= 10_000;
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,64}\z")]
    private static partial Regex Profile();

    [GeneratedRegex(@"\A[a-z]{2}(-[a-z]+)+-[0-9]\z")]
    private static partial Regex Region();

    [GeneratedRegex(@"\A[A-Za-z0-9_.-]{3,256}\z")]
    private static partial Regex Table();
}
