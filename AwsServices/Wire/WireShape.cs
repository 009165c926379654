using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;
using Amazon;

namespace Durable.AwsServices;

/// <summary>The members of a request, response or structure with their names on the wire; reflected once per type.</summary>
internal sealed class WireShape
{
    private static readonly ConcurrentDictionary<Type, WireShape> Known = new();

    private readonly Dictionary<string, WireMember> byJson;

    private WireShape(Type type)
    {
        // Declared members only: inherited ones (metadata, status code) belong to the SDK, not to the wire.
        Members =
        [
            .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
                .Where(p => p.CanWrite)
                .Select(p => new WireMember(p)),
        ];
        byJson = Members.ToDictionary(m => m.Json);
    }

    public IReadOnlyList<WireMember> Members { get; }

    public static WireShape Of(Type type) => Known.GetOrAdd(type, t => new WireShape(t));

    public WireMember? FindJson(string name) => byJson.GetValueOrDefault(name);
}

/// <summary>One member of a <see cref="WireShape"/>.</summary>
internal sealed class WireMember(PropertyInfo property)
{
    private readonly WireAttribute? wire = property.GetCustomAttribute<WireAttribute>();

    public string Name => property.Name;

    public Type Type { get; } = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;

    public string Json => this.wire?.Json ?? property.Name;

    /// <summary>The value to send, or null when it is not set: with InitializeCollections an empty collection counts as not set.</summary>
    public object? ToSend(object owner)
    {
        object? value = property.GetValue(owner);
        if (value is ICollection { Count: 0 } && AWSConfigs.InitializeCollections)
            return null;
        return value;
    }

    public void Set(object owner, object? value) => property.SetValue(owner, value);
}
