using System.Text.RegularExpressions;

namespace Durable.Operations.Aws;

/// <summary>ARNs of IAM roles within IAM's limits: a path of at most 512 characters and a name of at most 64.</summary>
public static partial class RoleArns
{
    public const string Allowed = "the ARN of an IAM role: arn:aws:iam::123456789012:role/name";

    public static bool IsRole(string? text) => text is not null && Role().IsMatch(text);

    [GeneratedRegex(@"\Aarn:aws[a-z-]*:iam::[0-9]{12}:role/([A-Za-z0-9+=,.@_/-]{1,510}/)?[A-Za-z0-9+=,.@_-]{1,64}\z")]
    private static partial Regex Role();
}
