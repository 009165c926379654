using System.Globalization;
using Amazon.Runtime;

namespace Durable.AwsServices;

/// <summary>Plain values from their text in a response.</summary>
internal static class WireText
{
    public static object Read(string text, Type type)
    {
        if (type == typeof(string))
            return text;
        if (type == typeof(bool))
            return bool.Parse(text);
        if (type == typeof(DateTime))
            return DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);
        if (type.IsSubclassOf(typeof(ConstantClass)))
            return Constant(text, type);
        return Convert.ChangeType(text, type, CultureInfo.InvariantCulture);
    }

    public static object Constant(string text, Type type) =>
        Constants.GetOrAdd((type, text), key => Activator.CreateInstance(key.Type, key.Text)!);

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(Type Type, string Text), object> Constants = new();
}
