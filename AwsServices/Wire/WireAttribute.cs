namespace Durable.AwsServices;

/// <summary>Name of a member on the wire, where it differs from the rule.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WireAttribute : Attribute
{
    /// <summary>Name in JSON; default: the member's name.</summary>
    public string? Json { get; init; }
}
