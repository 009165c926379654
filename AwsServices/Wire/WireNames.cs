namespace Durable.AwsServices.Wire;

/// <summary>Name of a member in requests, where it is not what the protocol makes of the property's name.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WireRequestAttribute(string name) : Attribute
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;
}

/// <summary>Name of a member in responses, where it is not what the protocol makes of the property's name.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WireResponseAttribute(string name) : Attribute
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;
}

/// <summary>The member is the whole response, not a part of it.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WireWholeAttribute : Attribute;
