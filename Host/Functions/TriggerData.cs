using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Functions;

/// <summary>Values of a trigger by case-insensitive name: what <see cref="BindingContext.BindingData"/> shows and parameters are bound
/// from.</summary>
internal sealed class TriggerData(Func<Dictionary<string, object?>> read) : BindingContext
{
    private Dictionary<string, object?>? values;

    /// <summary>No values at all.</summary>
    public static TriggerData Empty() => new(() => new(StringComparer.OrdinalIgnoreCase));

    /// <summary>The instance id and, under the name of its parameter, the input as JSON text.</summary>
    public static TriggerData Of(FunctionEntry function, string instanceId, string? input) =>
        new(() =>
        {
            Dictionary<string, object?> values = new(StringComparer.OrdinalIgnoreCase) { ["instanceId"] = instanceId };
            ParameterPlan? parameter = function.Parameters.FirstOrDefault(p => p.Source == ParameterSource.Input);
            if (parameter is not null)
                values.TryAdd(parameter.Name, input);
            return values;
        });

    public override IReadOnlyDictionary<string, object?> BindingData => this.values ??= read();
}
