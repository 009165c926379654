using System.ComponentModel;
using System.Globalization;

namespace Durable.Host.Functions;

/// <summary>Values that fit into a route segment or a query parameter.</summary>
internal static class SimpleValues
{
    /// <summary>Whether a parameter of this type can be read from text: string, numbers, bool, Guid, dates, enums and their nullable
    /// forms.</summary>
    public static bool CanRead(Type type)
    {
        Type bare = Nullable.GetUnderlyingType(type) ?? type;
        return bare == typeof(string)
            || bare.IsEnum
            || (bare.IsValueType && TypeDescriptor.GetConverter(bare).CanConvertFrom(typeof(string)));
    }

    /// <summary>Reads text in the invariant culture; enums without case.</summary>
    /// <exception cref="FormatException">The text is not a value of the type.</exception>
    public static object? Read(string text, Type type)
    {
        Type bare = Nullable.GetUnderlyingType(type) ?? type;
        try
        {
            return bare == typeof(string) ? text
                : bare == typeof(Guid) ? Guid.Parse(text)
                : bare == typeof(DateTimeOffset) ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture)
                : bare == typeof(DateTime) ? DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind)
                : bare.IsEnum ? Enum.Parse(bare, text, ignoreCase: true)
                : TypeDescriptor.GetConverter(bare).ConvertFromInvariantString(text);
        }
        catch (Exception e) when (e is not FormatException)
        {
            throw new FormatException($"'{text}' is not a valid {bare.Name}.", e);
        }
    }
}
