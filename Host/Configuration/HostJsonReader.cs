using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Configuration;

/// <summary>Reads host.json once: flattens the file, reads known settings, collects errors and ignored paths.</summary>
internal sealed class HostJsonReader
{
    private const string Durable = "extensions:durableTask:";
    private const string Storage = Durable + "storageProvider:";
    private const string DefaultConnection = "AzureWebJobsStorage";
    private const int MaxHubName = 52; // longest that also works on Azure Storage: "<hub>-control-00" has to fit 63 characters

    private static readonly HostJson Defaults = new();

    private readonly SortedDictionary<string, string?> values = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> honoured = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> errors = [];
    private readonly IConfiguration settings;

    private HostJsonReader(IConfiguration settings) => this.settings = settings;

    public static HostJsonReading Read(string path, IConfiguration settings)
    {
        HostJsonReader reader = new(settings);
        if (File.Exists(path))
            reader.ReadFile(path);
        foreach ((string key, string? value) in settings.GetSection("AzureFunctionsJobHost").AsEnumerable(makePathsRelative: true))
        {
            if (value is not null)
                reader.values[key] = value;
        }

        HostJson read = reader.Take();
        return new HostJsonReading(
            read,
            reader.errors,
            [.. reader.values.Keys.Where(key => !reader.honoured.Contains(key)).Select(Dotted)]
        );
    }

    private void ReadFile(string path)
    {
        try
        {
            JsonDocumentOptions lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
            using JsonDocument json = JsonDocument.Parse(File.ReadAllText(path), lenient);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
            {
                errors.Add($"{path}: holds a JSON {json.RootElement.ValueKind}, not an object; write {{ \"version\": \"2.0\" }}.");
                return;
            }

            CheckVersion(json.RootElement);
            foreach (JsonProperty property in json.RootElement.EnumerateObject())
                Flatten(property.Name, property.Value);
        }
        catch (JsonException e)
        {
            errors.Add(
                $"Unable to parse host configuration file '{path}': line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}: "
                    + $"{e.Message.Split(" LineNumber:")[0]} Correct the JSON there (comments are allowed)."
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add($"Unable to read host configuration file '{path}': {e.Message}");
        }
    }

    /// <summary>Exactly <c>version</c>, in lower case; only an empty object may omit it.</summary>
    private void CheckVersion(JsonElement root)
    {
        honoured.Add("version");
        if (!root.EnumerateObject().Any())
            return;
        if (!root.TryGetProperty("version", out JsonElement version))
            errors.Add(
                "host.json: The host.json file is missing the required 'version' property. "
                    + "Add \"version\": \"2.0\" (the version of the file's format)."
            );
        else if (version.ToString() != "2.0")
            errors.Add(
                $"host.json: '{version}' is an invalid value for host.json 'version' property. "
                    + "Write \"version\": \"2.0\" (the version of the file's format, not of the runtime)."
            );
    }

    private void Flatten(string path, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in value.EnumerateObject())
                    Flatten($"{path}:{property.Name}", property.Value);
                break;
            case JsonValueKind.Array:
                int index = 0;
                foreach (JsonElement element in value.EnumerateArray())
                    Flatten($"{path}:{index++}", element);
                break;
            case JsonValueKind.Null:
                values[path] = null;
                break;
            default:
                values[path] = value.ToString();
                break;
        }
    }

    private HostJson Take()
    {
        HostJson read = new()
        {
            FunctionTimeout = FunctionTimeout(),
            LogLevels = LogLevels(),
            RoutePrefix = (Text("extensions:http:routePrefix") ?? Defaults.RoutePrefix).Trim('/'),
            HubName = HubName(),
            PostgresConnection = PostgresConnection(),
            MaxConcurrentActivityFunctions = Positive(Durable + "maxConcurrentActivityFunctions", Defaults.MaxConcurrentActivityFunctions),
            MaxConcurrentOrchestratorFunctions = Positive(
                Durable + "maxConcurrentOrchestratorFunctions",
                Defaults.MaxConcurrentOrchestratorFunctions
            ),
            ExtendedSessionsEnabled = Flag(Durable + "extendedSessionsEnabled", false),
            ExtendedSessionIdleTimeout = TimeSpan.FromSeconds(
                Whole(
                    Durable + "extendedSessionIdleTimeoutInSeconds",
                    30,
                    0,
                    int.MaxValue,
                    "must be a whole number of seconds, 0 or more",
                    "Leave it out for 30"
                )
            ),
            DistributedTracingEnabled = Flag(Durable + "tracing:distributedTracingEnabled", Defaults.DistributedTracingEnabled),
            TracingVersion = TracingVersion(),
            OverridableExistingInstanceStates = Overridable(),
        };
        CheckStorageProvider();
        return read;
    }

    private TimeSpan? FunctionTimeout()
    {
        const string Key = "functionTimeout";
        if (Text(Key) is not { } text)
            return Defaults.FunctionTimeout;
        if (text == "-1")
            return null;
        if (TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan timeout) && timeout >= TimeSpan.FromSeconds(1))
            return timeout;
        Refuse(
            Key,
            text,
            "is not a valid time span of at least 00:00:01",
            "Write hh:mm:ss as in \"00:30:00\" (the default), or \"-1\" for no limit"
        );
        return Defaults.FunctionTimeout;
    }

    private Dictionary<string, LogLevel> LogLevels()
    {
        const string Section = "logging:logLevel:";
        Dictionary<string, LogLevel> levels = new(Defaults.LogLevels, StringComparer.OrdinalIgnoreCase);
        foreach (string key in values.Keys.Where(key => key.StartsWith(Section, StringComparison.OrdinalIgnoreCase)))
        {
            string text = Text(key) ?? "";
            if (Enum.TryParse(text, ignoreCase: true, out LogLevel level) && Enum.IsDefined(level))
                levels[key[Section.Length..]] = level;
            else
                Refuse(key, text, "is no log level", $"Write one of {string.Join(", ", Enum.GetNames<LogLevel>())}");
        }

        return levels;
    }

    private string HubName()
    {
        const string Key = Durable + "hubName";
        if (Text(Key) is not { Length: > 0 } name)
            return DefaultHubName();
        if (name.Length is >= 3 and <= MaxHubName && char.IsAsciiLetter(name[0]) && name.All(char.IsAsciiLetterOrDigit))
            return name;
        Refuse(
            Key,
            name,
            $"does not fit: Task hub name '{name}' should contain only alphanumeric characters, start with a letter, "
                + "and have length between 3 and 45",
            "Choose such a name; it is also the PostgreSQL schema"
        );
        return DefaultHubName();
    }

    private string DefaultHubName()
    {
        string site = new([.. (settings["WEBSITE_SITE_NAME"] ?? "").Where(char.IsAsciiLetterOrDigit).Take(44)]);
        return site.Length < 3 ? Defaults.HubName
            : char.IsAsciiLetter(site[0]) ? site
            : "t" + site;
    }

    private string PostgresConnection()
    {
        if (settings["DurablePostgres"] is { Length: > 0 } own)
            return own;
        if (settings["PostgresConnection"] is { Length: > 0 } shared)
            return shared;
        errors.Add(
            "App setting PostgresConnection is missing: the host keeps its state in PostgreSQL. "
                + "Set it to an Npgsql connection string, as in "
                + "\"Host=127.0.0.1;Username=durable;Database=durable\" (DurablePostgres, when set, is used instead)."
        );
        return "";
    }

    private string TracingVersion()
    {
        const string Key = Durable + "tracing:version";
        if (Text(Key) is not { } version)
            return Defaults.TracingVersion;
        if (version.ToUpperInvariant() is "NONE" or "V1" or "V2")
            return version;
        Refuse(Key, version, "is no tracing version", "Write \"V2\", \"V1\" or \"None\"");
        return Defaults.TracingVersion;
    }

    private OverridableStates Overridable()
    {
        const string Key = Durable + "overridableExistingInstanceStates";
        if (Text(Key) is not { } text)
            return Defaults.OverridableExistingInstanceStates;
        if (Enum.TryParse(text, ignoreCase: true, out OverridableStates states) && Enum.IsDefined(states))
        {
            // The hub never replaces a running instance, so the setting is reported as ignored.
            if (states == OverridableStates.AnyState)
                honoured.Remove(Key);
            return states;
        }

        Refuse(Key, text, "is neither of the two values", "Write \"NonRunningStates\" (the default) or \"AnyState\"");
        return Defaults.OverridableExistingInstanceStates;
    }

    /// <summary>The state is in PostgreSQL whatever the provider, but this host refuses what the Functions host refuses.</summary>
    private void CheckStorageProvider()
    {
        if (Text(Storage + "type") is { } type && !type.Equals("AzureStorage", StringComparison.OrdinalIgnoreCase))
        {
            Refuse(
                Storage + "type",
                type,
                $"is unknown: Storage provider type ({type}) was not found. Available storage providers: AzureStorage",
                "Leave it out or write \"AzureStorage\"; the embedded host then keeps the state in PostgreSQL (PostgresConnection)"
            );
        }

        foreach (string key in (string[])[Storage + "connectionName", Storage + "connectionStringName"])
        {
            if (Text(key) is not { } name || IsDefaultConnection(name) || IsSet(name) || IsSet("AzureWebJobs" + name))
                continue;
            Refuse(
                key,
                name,
                $"is not set: Unable to resolve the Azure Storage connection named '{name}'",
                $"Set the app setting '{name}', or leave this out"
            );
        }

        Whole(Storage + "partitionCount", 4, 1, 16, "PartitionCount must be an integer value between 1 and 16", "Leave it out for 4");
        Whole(Storage + "controlQueueBatchSize", 32, 1, 32, "The control queue batch size must not exceed 32", "Write 1 to 32");
        const string Poll = Storage + "maxQueuePollingInterval";
        if (
            Text(Poll) is { } text
            && !(TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan interval) && interval > TimeSpan.Zero)
        )
            Refuse(Poll, text, "MaxQueuePollingInterval must be a time span above zero", "Write hh:mm:ss as in \"00:00:30\"");

        // Without Azure Storage the default connection is not needed.
        static bool IsDefaultConnection(string name) =>
            name.Equals(DefaultConnection, StringComparison.OrdinalIgnoreCase)
            || name.Equals("Storage", StringComparison.OrdinalIgnoreCase);

        bool IsSet(string name) =>
            settings.GetSection(AppSettingText.SettingKey(name)).Exists() || settings.GetConnectionString(name) is not null;
    }

    private string? Text(string key)
    {
        honoured.Add(key);
        if (!values.TryGetValue(key, out string? text) || text is null)
            return null;
        try
        {
            return AppSettingText.Resolve(text, settings);
        }
        catch (AppSettingMissingException e)
        {
            errors.Add($"host.json: {Dotted(key)} = '{text}': {e.Message}");
            return null;
        }
    }

    private int Positive(string key, int fallback)
    {
        string name = char.ToUpperInvariant(key[Durable.Length]) + key[(Durable.Length + 1)..];
        return Whole(key, fallback, 1, int.MaxValue, $"{name} must be a positive integer value", "Leave it out for 10 per core");
    }

    private int Whole(string key, int fallback, int least, int most, string rule, string remedy)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most)
            return value;
        Refuse(key, text, rule, remedy);
        return fallback;
    }

    private bool Flag(string key, bool fallback)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (bool.TryParse(text, out bool value))
            return value;
        Refuse(key, text, "is neither true nor false", $"Write true or false; left out it is {(fallback ? "true" : "false")}");
        return fallback;
    }

    private void Refuse(string key, string value, string rule, string remedy) =>
        errors.Add($"host.json: {Dotted(key)} = '{value}': {rule}. {remedy}.");

    private static string Dotted(string key) => key.Replace(':', '.');
}
