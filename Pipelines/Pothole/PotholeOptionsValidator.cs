using System.Text.RegularExpressions;
using Durable.Operations;
using Durable.Operations.Aws;

namespace Durable.Pipelines.Pothole;

/// <summary>Reports every invalid setting at once. Checks nothing while the pipeline is off.</summary>
internal sealed partial class PotholeOptionsValidator() : SettingsValidator<PotholeOptions>(PotholeOptions.Section, options => options.IsOn)
{
    protected override IEnumerable<string> Errors(PotholeOptions o)
    {
        if (!S3Names.IsBucket(o.Bucket))
            yield return Bad(nameof(o.Bucket), o.Bucket, S3Names.BucketAllowed);
        (string Name, string Value)[] keys =
        [
            (nameof(o.RawDataPrefix), o.RawDataPrefix),
            (nameof(o.Stage1Prefix), o.Stage1Prefix),
            (nameof(o.Stage2Prefix), o.Stage2Prefix),
            (nameof(o.CodePrefix), o.CodePrefix),
            (nameof(o.RunsPrefix), o.RunsPrefix),
            (nameof(o.RoadsKey), o.RoadsKey),
        ];
        foreach ((string key, string value) in keys)
        {
            if (!S3Names.IsKey(value))
                yield return Bad(key, value, S3Names.KeyAllowed);
        }

        if (o.SpeedBumpsKey.Length > 0 && !S3Names.IsKey(o.SpeedBumpsKey))
            yield return Bad(nameof(o.SpeedBumpsKey), o.SpeedBumpsKey, "empty or an S3 key");
        string[] prefixes = [o.RawDataPrefix, o.Stage1Prefix, o.Stage2Prefix, o.CodePrefix, o.RunsPrefix];
        if (prefixes.Any(a => prefixes.Count(b => (b + "/").StartsWith(a + "/", StringComparison.Ordinal)) > 1))
            yield return $"{PotholeOptions.Section}: RawDataPrefix, Stage1Prefix, Stage2Prefix, CodePrefix and RunsPrefix must not lie in each other.";

        string[] instances = [o.MasterInstanceId, .. o.Workers];
        if (o.Workers.Count == 0)
            yield return Bad(nameof(o.WorkerInstanceIds), "", "at least one EC2 instance id, by comma");
        foreach (string id in instances.Where(id => !InstanceId().IsMatch(id)))
            yield return $"{PotholeOptions.Section}: '{id}' is no EC2 instance id such as i-0123456789abcdef0 (MasterInstanceId, WorkerInstanceIds).";
        if (instances.Distinct().Count() != instances.Length)
            yield return $"{PotholeOptions.Section}: an instance is named twice in MasterInstanceId and WorkerInstanceIds.";

        if (!Memory().IsMatch(o.ExecutorMemory))
            yield return Bad(nameof(o.ExecutorMemory), o.ExecutorMemory, "a size such as 2g or 1536m");
        if (o.ExecutorCores is < 1 or > 64)
            yield return Bad(nameof(o.ExecutorCores), o.ExecutorCores, "1 to 64");
        if (o.TotalExecutorCores is < 1 or > 1024 || o.TotalExecutorCores < o.ExecutorCores)
            yield return Bad(nameof(o.TotalExecutorCores), o.TotalExecutorCores, "ExecutorCores to 1024");
        foreach (string package in o.Packages.Where(package => !Package().IsMatch(package)))
            yield return Bad(nameof(o.PythonPackages), package, "name==version, by comma");
        if (o.ClusterBudget < TimeSpan.FromMinutes(10) || o.ClusterBudget > TimeSpan.FromHours(12))
            yield return Bad(nameof(o.ClusterBudget), o.ClusterBudget, "00:10:00 to 12:00:00");
        if (!(o.MaxRejectedShare is >= 0 and <= 1))
            yield return Bad(nameof(o.MaxRejectedShare), o.MaxRejectedShare, "0 to 1");
        if (o.LongestBackfill is < 1 or > 1000)
            yield return Bad(nameof(o.LongestBackfill), o.LongestBackfill, "1 to 1000");
    }

    [GeneratedRegex(@"\Ai-([0-9a-f]{8}|[0-9a-f]{17})\z")]
    private static partial Regex InstanceId();

    [GeneratedRegex(@"\A[1-9][0-9]{0,5}[mg]\z")]
    private static partial Regex Memory();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}==[A-Za-z0-9][A-Za-z0-9.+!_-]{0,31}\z")]
    private static partial Regex Package();
}
