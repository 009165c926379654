using System.Text.RegularExpressions;

namespace Durable.Postgres;

/// <summary>
/// Removes secrets from text that is stored, logged or answered: errors quote addresses, headers, settings and command lines. It hides too
/// much rather than too little: any value under the name of a secret becomes ***.
/// </summary>
/// <remarks>Takes linear time for any text: no pattern backtracks. Idempotent.</remarks>
public static class Redaction
{
    /// <summary>Longest text kept, 65,536 characters. Truncate after redacting, not before: half a secret is not recognised.</summary>
    public const int Longest = 64 << 10;

    private const RegexOptions Linear = RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;

    // Names of secrets. Ambiguous words count as whole names only: "exit code: 1" and "tokens: 512" stay.
    private const string Name =
        @"(?:[\w.\-]*(?:passw(?:or)?d|passphrase|pwd|secret|credential|signature"
        + @"|(?:api|access|account|shared|private|secret|subscription|functions?|master|storage|signing|encryption)[_\-. ]?key)[\w.\-]*"
        + @"|[\w.\-]*(?:token|pass|session[_\-]?id)(?:[_\-.][\w.\-]*)?|[?&;]code|\bsig)";

    private const string Value = @"\\+""(?:[^""\\\r\n]|\\[^""\r\n])*|""(?:[^""\\\r\n]|\\.)*""?|'(?:[^'\\\r\n]|\\.|'')*'?|[^\s;&]+";

    private static readonly (Regex Pattern, string Replacement)[] Patterns =
    [
        // User and password end at the last @: both may hold / and @ themselves.
        (new(@"([a-z][a-z0-9+.\-]*://)(?:[^\s/@:""'<>]*:[^\s""'<>]*|[^\s/@""'<>]+)@", Linear), "$1***@"),
        (new(@"((?:[\w\-]*authorization|(?:set-)?cookie)\\*[""']?\s*[=:]\s*\\*[""']?)[^\r\n""'\\]+", Linear), "$1***"),
        (new(@"(\b(?:bearer|negotiate|sharedkey|sharedaccesssignature)\s+)[\w.~+/=:\-]{16,}", Linear), "$1***"),
        (new(@"(\bbasic\s+)(?:[a-z0-9+/]{4,}={1,2}|[a-z0-9+/]{16,})", Linear), "$1***"),
        (new(@"(\bsshpass\s+-p\s*|\bcurl\s[^\r\n]*?\s-u\s*)\S+", Linear), "$1***"),
        (new($@"(--{Name}\s+)(?:""[^""\r\n]*""?|'[^'\r\n]*'?|[^\s\-]\S*)", Linear), "$1***"),
        (new($@"(<{Name}(?:\s[^<>]*)?>)[^<]+", Linear), "$1***"),
        // Tokens and keys recognised by their format.
        (new(@"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z0-9 ]*PRIVATE KEY-----)?", Linear), "***"),
        (new(@"\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{16}\b|https://hooks\.slack\.com/\S+|\bxox[a-z]-[\w\-]+", Linear), "***"),
        (new(@"\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w\-]{16,}|\bnpm_\w{30,}|\bhf_\w{20,}|\bAIza[\w\-]{30,}", Linear), "***"),
        (new(@"\beyJ[\w\-]{5,}\.[\w\-]{5,}\.?[\w\-]*|\b[sr]k[_\-](?:live[_\-]|test[_\-])?[\w\-]{16,}", Linear), "***"),
    ];

    private static readonly Regex Named = new($@"({Name}\\*[""']?\]?\s*(?:=>|:=|[=:])\s*)({Value})", Linear);

    /// <summary>The text without passwords, keys, tokens and signatures, and without characters that PostgreSQL cannot store; at most
    /// <see cref="Longest"/>.</summary>
    public static string Redact(string text)
    {
        string safe = Cut(text);
        foreach ((Regex pattern, string replacement) in Patterns)
        {
            safe = pattern.Replace(safe, replacement);
        }

        return StorableText.Clean(Named.Replace(safe, Hide));
    }

    // Quotes stay, so that JSON stays JSON.
    private static string Hide(Match match)
    {
        string value = match.Groups[2].Value;
        return match.Groups[1].Value
            + value[0] switch
            {
                '"' => "\"***\"",
                '\'' => "'***'",
                '\\' => value[..(value.IndexOf('"', StringComparison.Ordinal) + 1)] + "***",
                _ => "***",
            };
    }

    // A word cut in two may be half a secret: it is dropped.
    private static string Cut(string text)
    {
        if (text.Length <= Longest)
        {
            return text;
        }

        int end = Longest;
        while (end > Longest / 2 && !char.IsWhiteSpace(text[end]))
        {
            end--;
        }

        return text[..end] + " ...";
    }
}
