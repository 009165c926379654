using System.Text.RegularExpressions;
using Durable.Pipelines.Pothole;
using Microsoft.Extensions.Options;

namespace Durable.Pipelines.Benchmark;

/// <summary>Names every bad setting at once. Nothing is checked while the suite is off.</summary>
internal sealed partial class BenchmarkOptionsValidator : IValidateOptions<BenchmarkOptions>
{
    public ValidateOptionsResult Validate(string? name, BenchmarkOptions options)
    {
        if (!options.IsOn) return ValidateOptionsResult.Success;
        string[] errors = [.. Errors(options)];
        return errors.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }

    private static IEnumerable<string> Errors(BenchmarkOptions o)
    {
        if (!S3Names.IsBucket(o.Bucket)) yield return Bad(nameof(o.Bucket), o.Bucket, "a bucket name: 3 to 63 lower-case letters, digits, dots, hyphens");
        foreach ((string key, string value) in ((string, string)[])[(nameof(o.Prefix), o.Prefix), (nameof(o.MnistPrefix), o.MnistPrefix)])
        {
            if (!S3Names.IsKey(value)) yield return Bad(key, value, "parts of letters, digits and _=.+@- joined by /");
        }

        if ((o.MnistPrefix + "/").StartsWith(o.Prefix + "/", StringComparison.Ordinal)) yield return Bad(nameof(o.MnistPrefix), o.MnistPrefix, "a prefix outside Benchmark__Prefix");
        if (!Role().IsMatch(o.RoleArn)) yield return Bad(nameof(o.RoleArn), o.RoleArn, "the ARN of an IAM role, arn:aws:iam::123456789012:role/name");
        foreach (string entry in o.Images.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(entry => !Image().IsMatch(entry)))
            yield return Bad(nameof(o.Images), entry, "framework=image, by comma");
        if (o.TabularRows is < 500 or > 1_000_000) yield return Bad(nameof(o.TabularRows), o.TabularRows, "500 to 1000000");
        if (o.MemoryMb is < 256 or > 1 << 20) yield return Bad(nameof(o.MemoryMb), o.MemoryMb, "256 to 1048576");
        if (o.Cpus is < 1 or > 1024) yield return Bad(nameof(o.Cpus), o.Cpus, "1 to 1024");
        if (o.LongestJob < TimeSpan.FromSeconds(1) || o.LongestJob > TimeSpan.FromHours(24)) yield return Bad(nameof(o.LongestJob), o.LongestJob, "00:00:01 to 1.00:00:00");
        if (o.HasMlflow && !(Uri.TryCreate(o.MlflowUrl, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0))
            yield return Bad(nameof(o.MlflowUrl), Durable.Postgres.Redaction.Redact(o.MlflowUrl), "http:// or https:// and no user name in it");
        if (!Word().IsMatch(o.Experiment)) yield return Bad(nameof(o.Experiment), o.Experiment, "1 to 100 letters, digits, _ . -");
        if (!Alias().IsMatch(o.Alias)) yield return Bad(nameof(o.Alias), o.Alias, "a letter, then letters, digits, _ -; not latest and not v and a number");
    }

    private static string Bad(string name, object value, string allowed) => FormattableString.Invariant($"{BenchmarkOptions.Section}__{name} is '{value}'; allowed: {allowed}.");

    [GeneratedRegex(@"\Aarn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,200}\z")]
    private static partial Regex Role();

    [GeneratedRegex(@"\A[a-z0-9]{1,32}=[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}\z")]
    private static partial Regex Image();

    [GeneratedRegex(@"\A[A-Za-z0-9_.-]{1,100}\z")]
    private static partial Regex Word();

    [GeneratedRegex(@"\A(?!latest\z)(?!v[0-9]+\z)[A-Za-z][A-Za-z0-9_-]{0,63}\z")]
    private static partial Regex Alias();
}
