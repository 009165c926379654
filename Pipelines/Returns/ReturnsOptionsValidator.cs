using System.Text.RegularExpressions;
using Durable.Operations;
using Durable.Operations.Aws;

namespace Durable.Pipelines.Returns;

/// <summary>Reports every invalid setting at once. Checks nothing while the pipeline is off.</summary>
internal sealed partial class ReturnsOptionsValidator() : SettingsValidator<ReturnsOptions>(ReturnsOptions.Section, options => options.IsOn)
{
    /// <summary>A SageMaker machine type, such as <c>ml.m5.large</c>.</summary>
    public static bool IsInstanceType(string text) => InstanceType().IsMatch(text);

    /// <summary>A framework version, such as <c>2.2</c>.</summary>
    public static bool IsVersion(string text) => Version().IsMatch(text);

    protected override IEnumerable<string> Errors(ReturnsOptions o)
    {
        if (!S3Names.IsBucket(o.Bucket))
            yield return Bad(nameof(o.Bucket), o.Bucket, S3Names.BucketAllowed);
        (string Name, string Value)[] prefixes =
        [
            (nameof(o.TrainPrefix), o.TrainPrefix),
            (nameof(o.ModelPrefix), o.ModelPrefix),
            (nameof(o.CodePrefix), o.CodePrefix),
        ];
        foreach ((string key, string value) in prefixes)
            if (!S3Names.IsKey(value))
                yield return Bad(key, value, S3Names.KeyAllowed);
        if (prefixes.Any(a => prefixes.Count(b => (b.Value + "/").StartsWith(a.Value + "/", StringComparison.Ordinal)) > 1))
            yield return $"{ReturnsOptions.Section}: TrainPrefix, ModelPrefix and CodePrefix must not lie in each other.";
        if (o.Source is not ("postgres" or "supabase"))
            yield return Bad(nameof(o.Source), o.Source, "postgres or supabase");
        if (
            o.Source == "supabase"
            && !(
                Uri.TryCreate(o.SupabaseUrl, UriKind.Absolute, out Uri? url)
                && url.Scheme is "http" or "https"
                && (url.Scheme == "https" || url.IsLoopback)
            )
        )
            yield return Bad(nameof(o.SupabaseUrl), o.SupabaseUrl, "an https URL, or http of this machine");
        if (o.Source == "supabase" && o.SupabaseKey.Length == 0)
            yield return $"{ReturnsOptions.Section}__SupabaseKey is missing: the source refuses requests without one.";
        if (!RoleArns.IsRole(o.RoleArn))
            yield return Bad(nameof(o.RoleArn), o.RoleArn, RoleArns.Allowed);
        if (o.TrainingImage.Length is 0 or > 255)
            yield return Bad(nameof(o.TrainingImage), o.TrainingImage, "an image URI");
        if (!IsVersion(o.FrameworkVersion))
            yield return Bad(nameof(o.FrameworkVersion), o.FrameworkVersion, "a version such as 2.2");
        if (!IsInstanceType(o.InstanceType))
            yield return Bad(nameof(o.InstanceType), o.InstanceType, "a machine type such as ml.m5.large");
        if (o.LongestTraining < TimeSpan.FromSeconds(5) || o.LongestTraining > TimeSpan.FromHours(5))
            yield return Bad(nameof(o.LongestTraining), o.LongestTraining, "00:00:05 to 05:00:00");
        if (o.Epochs is < 1 or > 10_000)
            yield return Bad(nameof(o.Epochs), o.Epochs, "1 to 10000");
        if (o.Overlap < TimeSpan.Zero || o.Overlap > TimeSpan.FromDays(31))
            yield return Bad(nameof(o.Overlap), o.Overlap, "00:00:00 to 31.00:00:00");
        if (!(o.MaxRejectedShare is >= 0 and <= 1))
            yield return Bad(nameof(o.MaxRejectedShare), o.MaxRejectedShare, "0 to 1");
        if (o.FewestRows is < 10 or > 1_000_000)
            yield return Bad(nameof(o.FewestRows), o.FewestRows, "10 to 1000000");
        if (!(o.Epsilon is >= 0 and <= 1))
            yield return Bad(nameof(o.Epsilon), o.Epsilon, "0 to 1");
        if (!(o.MaxDrift > 1))
            yield return Bad(nameof(o.MaxDrift), o.MaxDrift, "above 1");
    }

    [GeneratedRegex(@"\Aml\.[a-z0-9-]{1,20}\.[a-z0-9-]{1,20}\z")]
    private static partial Regex InstanceType();

    [GeneratedRegex(@"\A[0-9]{1,3}(\.[0-9]{1,3}){1,2}\z")]
    private static partial Regex Version();
}
