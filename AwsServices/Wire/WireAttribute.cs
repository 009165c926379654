namespace Durable.AwsServices;

/// <summary>How a member is called on the wire, where its name alone does not say it.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WireAttribute : Attribute
{
    /// <summary>Name in an EC2 Query request; else the member's name. A dot leads into a structure that the shape shows as a plain value.</summary>
    public string? Query { get; init; }

    /// <summary>Element of an EC2 XML response; else the member's name with a small first letter. Empty: the response's own element.</summary>
    public string? Xml { get; init; }

    /// <summary>Name in JSON; else the member's name.</summary>
    public string? Json { get; init; }

    /// <summary>Sent as a new GUID when the caller gives none, so that the retries of one call have one effect.</summary>
    public bool IdempotencyToken { get; init; }
}
