using System.Text.RegularExpressions;

namespace Durable.Operations.Aws;

/// <summary>Which buckets, keys and prefixes the app accepts: the part of S3's names that is unambiguous in shells, URLs and
/// Hadoop.</summary>
public static partial class S3Names
{
    public const string BucketAllowed = "a bucket name: 3 to 63 lower-case letters, digits, dots, hyphens",
        KeyAllowed = "parts of letters, digits and _=.+@- joined by /";

    /// <summary>3 to 63 lower-case letters, digits, dots and hyphens; no two dots in a row.</summary>
    public static bool IsBucket(string? name) =>
        name is not null && Bucket().IsMatch(name) && !name.Contains("..", StringComparison.Ordinal);

    /// <summary>
    /// Parts of letters, digits and <c>_ = . + @ -</c>, joined by single slashes, at most 512 characters. A part is not <c>.</c> or
    /// <c>..</c> and does not begin with <c>-</c> (an option) or <c>.</c> (hidden from Hadoop).
    /// </summary>
    public static bool IsKey(string? key) => key is { Length: > 0 and <= 512 } && Key().IsMatch(key);

    /// <summary>The same key, validated for use in a path.</summary>
    /// <exception cref="ArgumentException">It is not a key; permanent.</exception>
    public static string Checked(string key) =>
        IsKey(key) ? key : throw new ArgumentException($"'{Shown(key)}' is not a valid S3 key for the app.");

    private static string Shown(string text) => new([.. text.Take(80).Select(sign => char.IsControl(sign) ? '?' : sign)]);

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\z")]
    private static partial Regex Bucket();

    [GeneratedRegex(@"\A[A-Za-z0-9_=+@][A-Za-z0-9_=.+@-]*(/[A-Za-z0-9_=+@][A-Za-z0-9_=.+@-]*)*\z")]
    private static partial Regex Key();
}
