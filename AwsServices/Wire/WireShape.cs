using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;
using Amazon.Runtime;

namespace Durable.AwsServices.Wire;

/// <summary>Members of a model type with their names on the wire; read once for each type.</summary>
internal sealed class WireShape
{
    private static readonly ConcurrentDictionary<Type, WireShape> Shapes = new();

    private WireShape(Type type)
    {
        // Declared by the model, not by the SDK's base types (ResponseMetadata and the like).
        PropertyInfo[] declared = [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.DeclaringType == type)];
        Whole = declared.FirstOrDefault(p => p.IsDefined(typeof(WireWholeAttribute)));
        Members = [.. declared.Where(p => p != Whole).Select(p => new WireMember(
            p, p.GetCustomAttribute<WireRequestAttribute>()?.Name ?? p.Name, p.GetCustomAttribute<WireResponseAttribute>()?.Name))];
    }

    /// <summary>Members in order of declaration.</summary>
    public IReadOnlyList<WireMember> Members { get; }

    /// <summary>The member that is the whole response.</summary>
    public PropertyInfo? Whole { get; }

    /// <summary>The shape of <paramref name="type"/>.</summary>
    public static WireShape Of(Type type) => Shapes.GetOrAdd(type, t => new WireShape(t));

    /// <summary>Element type of a list; null for any other type.</summary>
    public static Type? ListItem(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>) ? type.GetGenericArguments()[0] : null;

    /// <summary>Value type of a map with text keys; null for any other type.</summary>
    public static Type? MapValue(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Dictionary<,>) ? type.GetGenericArguments()[1] : null;

    /// <summary>Whether values of the type are structures of the model.</summary>
    public static bool IsStructure(Type type) => type.IsClass && type != typeof(string) && !typeof(ConstantClass).IsAssignableFrom(type) && !typeof(IEnumerable).IsAssignableFrom(type);

    /// <summary>A value from its text.</summary>
    public static object Parse(Type type, string text)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain == typeof(string) ? text
            : plain == typeof(bool) ? string.Equals(text, "true", StringComparison.OrdinalIgnoreCase)
            : plain == typeof(DateTime) ? DateTime.Parse(text, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AdjustToUniversal | System.Globalization.DateTimeStyles.AssumeUniversal)
            : typeof(ConstantClass).IsAssignableFrom(plain) ? Activator.CreateInstance(plain, text)!
            : Convert.ChangeType(text, plain, System.Globalization.CultureInfo.InvariantCulture);
    }
}

/// <summary>A member. <paramref name="ResponseName"/> is null where the protocol's own rule applies.</summary>
internal sealed record WireMember(PropertyInfo Property, string RequestName, string? ResponseName);
