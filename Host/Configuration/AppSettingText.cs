using System.Text;
using Microsoft.Extensions.Configuration;

namespace Durable.Host.Configuration;

/// <summary>A text names an app setting that does not exist, or has an unclosed <c>%</c>. The message says which and what to do.</summary>
internal sealed class AppSettingMissingException(string message) : Exception(message);

/// <summary>Replaces <c>%NAME%</c> by app settings, as the Functions host does in schedules, hub and connection names.</summary>
internal static class AppSettingText
{
    /// <returns>The text with every <c>%NAME%</c> replaced; unchanged when it holds no <c>%</c>.</returns>
    /// <exception cref="AppSettingMissingException">A name has no value, or a <c>%</c> is not closed.</exception>
    public static string Resolve(string text, IConfiguration settings)
    {
        int open = text.IndexOf('%', StringComparison.Ordinal);
        if (open < 0)
            return text;
        StringBuilder resolved = new();
        int done = 0;
        for (; open >= 0; open = text.IndexOf('%', done))
        {
            int close = text.IndexOf('%', open + 1);
            if (close < 0)
                throw new AppSettingMissingException($"The '%' at position {open} of '{text}' has no closing '%'; write %SettingName%.");
            string name = text[(open + 1)..close];
            string value =
                name.Length > 0 && settings[SettingKey(name)] is { Length: > 0 } found
                    ? found
                    : throw new AppSettingMissingException(
                        $"'%{name}%' does not resolve to a value; "
                            + $"set the app setting '{name}' (environment, or \"Values\" in local.settings.json)."
                    );
            resolved.Append(text, done, open - done).Append(value);
            done = close + 1;
        }

        return resolved.Append(text, done, text.Length - done).ToString();
    }

    /// <summary>The configuration key of an environment-style name: <c>A__B</c> is <c>A:B</c> there.</summary>
    public static string SettingKey(string name) => name.Replace("__", ":", StringComparison.Ordinal);
}
