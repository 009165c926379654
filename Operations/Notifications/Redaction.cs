using System.Text.RegularExpressions;

namespace Durable.Operations.Notifications;

/// <summary>Takes secrets out of text that leaves the system or is stored.</summary>
public static partial class Redaction
{
    /// <summary>Replaces passwords, keys, tokens and signatures by ***. Redact first, cut to length afterwards.</summary>
    public static string Redact(string text) => KeyId().Replace(Credential().Replace(UserInfo().Replace(text, "$1***@"), "$1***"), "***");

    [GeneratedRegex(@"((?:password|pwd|secret|token|api[-_]?key|accountkey|sig|code|authorization)\s*[=:]\s*)(?:bearer\s+)?[^\s;&""']+", RegexOptions.IgnoreCase)]
    private static partial Regex Credential();

    [GeneratedRegex(@"(\w+://)[^/\s@]+@")]
    private static partial Regex UserInfo();

    [GeneratedRegex(@"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bhttps://hooks\.slack\.com/\S+")]
    private static partial Regex KeyId();
}
