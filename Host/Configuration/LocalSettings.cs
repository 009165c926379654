using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.Memory;

namespace Durable.Host.Configuration;

/// <summary><c>local.settings.json</c>: local app settings, as <c>func start</c> reads them. The environment takes precedence.</summary>
/// <param name="Values">Settings by environment-style name: <c>Values</c>, and <c>ConnectionStrings</c> as
/// <c>ConnectionStrings__name</c>.</param>
/// <param name="Errors">Why the file could not be used, with the remedy; empty when it was read or is missing.</param>
internal sealed record LocalSettings(IReadOnlyDictionary<string, string> Values, IReadOnlyList<string> Errors)
{
    /// <summary>Reads the file in <paramref name="contentRoot"/>; a missing file has no values.</summary>
    public static LocalSettings Load(string contentRoot)
    {
        string path = Path.Combine(contentRoot, "local.settings.json");
        Dictionary<string, string> values = new(StringComparer.OrdinalIgnoreCase);
        List<string> errors = [];
        if (!File.Exists(path))
            return new LocalSettings(values, errors);
        try
        {
            JsonDocumentOptions lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
            using JsonDocument json = JsonDocument.Parse(File.ReadAllText(path), lenient);
            if (json.RootElement.TryGetProperty("IsEncrypted", out JsonElement encrypted) && encrypted.ValueKind == JsonValueKind.True)
                errors.Add(
                    $"{path}: IsEncrypted is true; run 'func settings decrypt', or set it to false and write the values in plain text."
                );
            else
            {
                Take("Values", "");
                Take("ConnectionStrings", "ConnectionStrings__");
            }

            void Take(string section, string prefix)
            {
                if (!json.RootElement.TryGetProperty(section, out JsonElement entries) || entries.ValueKind != JsonValueKind.Object)
                    return;
                foreach (JsonProperty entry in entries.EnumerateObject())
                {
                    if (entry.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
                        errors.Add(
                            $"{path}: {section}.{entry.Name} is a JSON {entry.Value.ValueKind}; settings are flat: "
                                + "write a string (a nested name as A__B)."
                        );
                    else
                        values[prefix + entry.Name] = entry.Value.ToString();
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            string place = e is JsonException bad
                ? $"line {bad.LineNumber + 1}: {bad.Message.Split(" LineNumber:")[0]}"
                : "it is not a JSON object.";
            errors.Add($"Unable to parse '{path}': {place} Correct the JSON there (comments are allowed).");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add($"Unable to read '{path}': {e.Message}");
        }

        return new LocalSettings(values, errors);
    }

    /// <summary>Adds the values with a priority just below the environment's (or last, without an environment source).</summary>
    public IConfigurationBuilder AddTo(IConfigurationBuilder configuration)
    {
        MemoryConfigurationSource source = new()
        {
            InitialData = Values
                .Select(value => new KeyValuePair<string, string?>(AppSettingText.SettingKey(value.Key), value.Value))
                .ToList(),
        };
        int environment = configuration
            .Sources.ToList()
            .FindIndex(s => s is EnvironmentVariablesConfigurationSource { Prefix: null or "" });
        if (environment < 0)
            configuration.Sources.Add(source);
        else
            configuration.Sources.Insert(environment, source);
        return configuration;
    }

    /// <summary>Sets each value missing from the process environment, so that code that reads the environment sees it, as under <c>func
    /// start</c>.</summary>
    public void AddToEnvironment()
    {
        foreach ((string name, string value) in Values)
        {
            if (Environment.GetEnvironmentVariable(name) is null)
                Environment.SetEnvironmentVariable(name, value);
        }
    }
}
