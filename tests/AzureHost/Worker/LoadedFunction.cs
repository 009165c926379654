using System.Text.Json;
using Durable.Tests.AzureHost.Rpc;

namespace Durable.Tests.AzureHost.Worker;

/// <summary>A function that the worker has loaded, with the bindings that the host resolved.</summary>
internal sealed class LoadedFunction
{
    private readonly JsonElement[] bindings;

    /// <param name="metadata">What the worker says of it.</param>
    /// <param name="settings">Resolve its expressions.</param>
    /// <exception cref="InvalidOperationException">An expression names no setting.</exception>
    public LoadedFunction(RpcFunctionMetadata metadata, AppSettings settings)
    {
        (Metadata, Name, Id) = (metadata, metadata.Name, metadata.FunctionId);
        bindings =
        [
            .. metadata.RawBindings.Select(binding => JsonSerializer.Deserialize<JsonElement>(settings.Resolve(metadata.Name, binding))),
        ];
        Trigger = bindings.Single(binding => Text(binding, "type").EndsWith("Trigger", StringComparison.Ordinal));
    }

    public RpcFunctionMetadata Metadata { get; }

    public string Name { get; }

    /// <summary>The worker's id of it.</summary>
    public string Id { get; }

    /// <summary>Binding of the trigger.</summary>
    public JsonElement Trigger { get; }

    /// <summary><c>httpTrigger</c>, <c>timerTrigger</c>, <c>orchestrationTrigger</c> or <c>activityTrigger</c>.</summary>
    public string TriggerType => Text(Trigger, "type");

    /// <summary>The parameter that the trigger fills.</summary>
    public string TriggerName => Text(Trigger, "name");

    /// <summary>Parameters that get a durable client.</summary>
    public IEnumerable<string> ClientNames =>
        bindings.Where(binding => Text(binding, "type") == "durableClient").Select(binding => Text(binding, "name"));

    /// <summary>Whether it answers this request; then the values of its route.</summary>
    /// <param name="method">HTTP method.</param>
    /// <param name="path">Path below the route prefix.</param>
    public Dictionary<string, string>? Match(string method, string path)
    {
        if (
            TriggerType != "httpTrigger"
            || !Trigger
                .GetProperty("methods")
                .EnumerateArray()
                .Any(one => method.Equals(one.GetString(), StringComparison.OrdinalIgnoreCase))
        )
            return null;
        string[] template = Text(Trigger, "route").Split('/'),
            parts = path.Split('/');
        if (template.Length != parts.Length)
            return null;
        Dictionary<string, string> values = [];
        foreach ((string expected, string given) in template.Zip(parts))
        {
            if (expected is ['{', .. string name, '}'])
                values[name] = Uri.UnescapeDataString(given);
            else if (!expected.Equals(given, StringComparison.OrdinalIgnoreCase))
                return null;
        }

        return values;
    }

    private static string Text(JsonElement binding, string name) => binding.GetProperty(name).GetString()!;
}
