using System.Text.Json;
using System.Text.RegularExpressions;
using Durable.Tests.Fixtures;

namespace Durable.Tests.AzureHost;

/// <summary>
/// The app settings on the Azure host, and how it resolves binding expressions: it knows only settings, never a default inside the worker,
/// treats an empty one as missing, and renames a setting with <c>__</c> in its name.
/// </summary>
internal sealed partial class AppSettings
{
    private readonly Dictionary<string, string> values;

    private AppSettings(Dictionary<string, string> values) => this.values = values;

    /// <summary>Environment of a worker process.</summary>
    public IReadOnlyDictionary<string, string> Values => values;

    /// <summary>The settings of <c>local.settings.sample.json</c>, with <paramref name="changes"/>.</summary>
    public static AppSettings OfSample(IReadOnlyDictionary<string, string>? changes = null)
    {
        using JsonDocument sample = JsonDocument.Parse(File.ReadAllText(Path.Combine(SparkStandIn.Root, "local.settings.sample.json")));
        Dictionary<string, string> values = sample
            .RootElement.GetProperty("Values")
            .EnumerateObject()
            .ToDictionary(value => value.Name, value => value.Value.GetString()!);
        foreach ((string name, string value) in changes ?? new Dictionary<string, string>())
            values[name] = value;
        return new AppSettings(values);
    }

    /// <summary>A binding with its expressions replaced.</summary>
    /// <param name="function">Named when it cannot be done.</param>
    /// <param name="binding">JSON of <c>functions.metadata</c>, or what the worker says of itself.</param>
    /// <exception cref="InvalidOperationException">A setting is missing; the Azure host leaves such a function out, with one line in its
    /// log.</exception>
    public string Resolve(string function, string binding) =>
        Expression()
            .Replace(
                binding,
                match =>
                    Find(match.Groups[1].Value)
                    ?? throw new InvalidOperationException(
                        $"{function} is left out by the Azure host: {match.Value} names no setting that it can resolve ({binding})."
                    )
            );

    private string? Find(string name) =>
        !name.Contains("__", StringComparison.Ordinal) && values.GetValueOrDefault(name) is { Length: > 0 } value
            ? JsonEncodedText.Encode(value).ToString()
            : null;

    [GeneratedRegex("%([^%\"]+)%")]
    private static partial Regex Expression();
}
