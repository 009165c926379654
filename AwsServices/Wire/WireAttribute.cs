namespace Durable.AwsServices;

/// <summary>How a member is called on the wire, where its name alone does not say it.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WireAttribute : Attribute
{
    /// <summary>Name in JSON; else the member's name.</summary>
    public string? Json { get; init; }
}
