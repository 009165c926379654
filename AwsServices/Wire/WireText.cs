using System.Globalization;
using Amazon.Runtime;

namespace Durable.AwsServices;

/// <summary>Plain values as the text of a query parameter or XML element, and back.</summary>
internal static class WireText
{
    /// <exception cref="NotSupportedException">The model has a kind of value that no operation here sends as text.</exception>
    public static string Write(object value) => value switch
    {
        string text => text,
        ConstantClass constant => constant.Value,
        bool truth => truth ? "true" : "false",
        DateTime time => Write(time.ToUniversalTime()),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException($"A {value.GetType().Name} has no text form in a request."),
    };

    public static object Read(string text, Type type)
    {
        if (type == typeof(string)) return text;
        if (type == typeof(bool)) return bool.Parse(text);
        if (type == typeof(DateTime)) return DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);
        if (type.IsSubclassOf(typeof(ConstantClass))) return Constant(text, type);
        return Convert.ChangeType(text, type, CultureInfo.InvariantCulture);
    }

    public static object Constant(string text, Type type) => Constants.GetOrAdd((type, text), key => Activator.CreateInstance(key.Type, key.Text)!);

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(Type Type, string Text), object> Constants = new();

    private static string Write(DateTime utc) =>
        utc.ToString(utc.Ticks % TimeSpan.TicksPerSecond == 0 ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}
