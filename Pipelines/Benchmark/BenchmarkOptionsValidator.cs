using System.Text.RegularExpressions;
using Durable.Operations;
using Durable.Operations.Aws;

namespace Durable.Pipelines.Benchmark;

/// <summary>Reports every invalid setting at once. Checks nothing while the suite is off.</summary>
internal sealed partial class BenchmarkOptionsValidator()
    : SettingsValidator<BenchmarkOptions>(BenchmarkOptions.Section, options => options.IsOn)
{
    protected override IEnumerable<string> Errors(BenchmarkOptions o)
    {
        if (!S3Names.IsBucket(o.Bucket))
            yield return Bad(nameof(o.Bucket), o.Bucket, S3Names.BucketAllowed);
        foreach ((string key, string value) in ((string, string)[])[(nameof(o.Prefix), o.Prefix), (nameof(o.MnistPrefix), o.MnistPrefix)])
        {
            if (!S3Names.IsKey(value))
                yield return Bad(key, value, S3Names.KeyAllowed);
        }

        if ((o.MnistPrefix + "/").StartsWith(o.Prefix + "/", StringComparison.Ordinal))
            yield return Bad(nameof(o.MnistPrefix), o.MnistPrefix, "a prefix outside Benchmark__Prefix");
        if (!RoleArns.IsRole(o.RoleArn))
            yield return Bad(nameof(o.RoleArn), o.RoleArn, RoleArns.Allowed);
        foreach (
            string entry in o
                .Images.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Where(entry => !Image().IsMatch(entry))
        )
            yield return Bad(nameof(o.Images), entry, "framework=image, by comma");
        if (o.TabularRows is < 500 or > 1_000_000)
            yield return Bad(nameof(o.TabularRows), o.TabularRows, "500 to 1000000");
        if (o.MemoryMb is < 256 or > 1 << 20)
            yield return Bad(nameof(o.MemoryMb), o.MemoryMb, "256 to 1048576");
        if (o.Cpus is < 1 or > 1024)
            yield return Bad(nameof(o.Cpus), o.Cpus, "1 to 1024");
        if (o.LongestJob < TimeSpan.FromSeconds(1) || o.LongestJob > TimeSpan.FromHours(24))
            yield return Bad(nameof(o.LongestJob), o.LongestJob, "00:00:01 to 1.00:00:00");
        if (
            o.HasMlflow
            && !(Uri.TryCreate(o.MlflowUrl, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0)
        )
            yield return Bad(
                nameof(o.MlflowUrl),
                Durable.Postgres.Redaction.Redact(o.MlflowUrl),
                "http:// or https:// and no user name in it"
            );
        if (!Word().IsMatch(o.Experiment))
            yield return Bad(nameof(o.Experiment), o.Experiment, "1 to 100 letters, digits, _ . -");
        if (!Alias().IsMatch(o.Alias))
            yield return Bad(nameof(o.Alias), o.Alias, "a letter, then letters, digits, _ -; not latest and not v and a number");
    }

    [GeneratedRegex(@"\A[a-z0-9]{1,32}=[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}\z")]
    private static partial Regex Image();

    [GeneratedRegex(@"\A[A-Za-z0-9_.-]{1,100}\z")]
    private static partial Regex Word();

    [GeneratedRegex(@"\A(?!latest\z)(?!v[0-9]+\z)[A-Za-z][A-Za-z0-9_-]{0,63}\z")]
    private static partial Regex Alias();
}
