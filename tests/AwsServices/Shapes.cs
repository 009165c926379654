using System.Collections;
using System.Reflection;
using System.Text.Json.Nodes;
using Amazon.Runtime;

namespace Durable.Tests.AwsServices;

/// <summary>Requests with every member set, and any shape as JSON under the names of its members.</summary>
internal static class Shapes
{
    private static readonly DateTime Time = new(2026, 2, 12, 3, 4, 5, 250, DateTimeKind.Utc);

    /// <summary>A value forevery member, and theirs, all the way down; lists and maps have two of each.</summary>
    public static object Fill(Type type, string at = "")
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return $"{at} a+b/~*'é%20\"<&>=";
        if (type == typeof(bool))
            return at.Length % 2 == 0;
        if (type == typeof(int))
            return 3 + at.Length;
        if (type == typeof(long))
            return (1L << 40) + at.Length;
        if (type == typeof(float))
            return 1.5f;
        if (type == typeof(double))
            return 0.1;
        if (type == typeof(DateTime))
            return Time;
        if (type.IsSubclassOf(typeof(ConstantClass)))
        {
            return type.GetFields(BindingFlags.Public | BindingFlags.Static).FirstOrDefault(f => f.FieldType == type)?.GetValue(null)
                ?? Activator.CreateInstance(type, "m5.large")!;
        }

        object made = Activator.CreateInstance(type)!;
        Type[] arguments = type.GetGenericArguments();
        if (made is IDictionary map)
        {
            map["k 1"] = Fill(arguments[1], at + "{1}");
            map["k/2"] = Fill(arguments[1], at + "{2}");
        }
        else if (made is IList list)
        {
            list.Add(Fill(arguments[0], at + "[1]"));
            list.Add(Fill(arguments[0], at + "[2]"));
        }
        else
        {
            foreach (PropertyInfo member in Members(type))
                member.SetValue(made, Fill(member.PropertyType, $"{at}.{member.Name}"));
        }

        return made;
    }

    public static JsonNode? Show(object? value) =>
        value switch
        {
            null => null,
            string text => JsonValue.Create(text),
            ConstantClass constant => JsonValue.Create(constant.Value),
            bool truth => JsonValue.Create(truth),
            int number => JsonValue.Create(number),
            long number => JsonValue.Create(number),
            float number => JsonValue.Create((double)number),
            double number => JsonValue.Create(number),
            DateTime time => JsonValue.Create($"{time:yyyy-MM-ddTHH:mm:ss.fff}{(time.Kind == DateTimeKind.Utc ? "Z" : " not UTC")}"),
            IDictionary map => new JsonObject(map.Keys.Cast<string>().Select(key => KeyValuePair.Create(key, Show(map[key])))),
            IList list => new JsonArray([.. list.Cast<object?>().Select(Show)]),
            _ => new JsonObject(
                Members(value.GetType()).Select(m => KeyValuePair.Create(m.Name, Show(m.GetValue(value)))).Where(m => m.Value is not null)
            ),
        };

    private static IEnumerable<PropertyInfo> Members(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(p => p.CanWrite);
}
