using System.Text.Json;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Host.Functions;

/// <summary>Supplies the values that only the trigger of an invocation knows.</summary>
internal interface ITriggerSource
{
    /// <summary>Reads the value of one parameter, converted to its type.</summary>
    ValueTask<object?> ReadAsync(ParameterPlan parameter, HostFunctionContext context);
}

/// <summary>Input and instance id of an activity.</summary>
internal sealed class ActivitySource(ActivityCall call, DataConverter converter) : ITriggerSource
{
    public ValueTask<object?> ReadAsync(ParameterPlan parameter, HostFunctionContext context) =>
        new(
            parameter.Source == ParameterSource.BindingData
                ? call.InstanceId
                : InputJson.Read(converter, call.Input, parameter, context.Function.Name)
        );
}

/// <summary>Schedule status of a timer function; an app-defined class is filled through JSON.</summary>
internal sealed class TimerSource(TimerInfo timer) : ITriggerSource
{
    public ValueTask<object?> ReadAsync(ParameterPlan parameter, HostFunctionContext context) =>
        new(
            parameter.Type == typeof(TimerInfo) ? timer
            : parameter.Type == typeof(string) ? JsonSerializer.Serialize(timer)
            : JsonSerializer.Deserialize(JsonSerializer.Serialize(timer), parameter.Type)
        );
}

/// <summary>Reads JSON input into a parameter.</summary>
internal static class InputJson
{
    /// <summary>Null and absent input become the parameter's default. A string parameter gets text that is not a JSON string
    /// unchanged.</summary>
    /// <exception cref="FunctionInputConverterException">The JSON does not fit; the inner exception is the
    /// <see cref="JsonException"/>.</exception>
    public static object? Read(DataConverter converter, string? json, ParameterPlan parameter, string function)
    {
        try
        {
            return ReadRaw(converter, json, parameter);
        }
        catch (JsonException e)
        {
            throw new FunctionInputConverterException(
                $"Error converting 1 input parameters for Function '{function}': Cannot convert input parameter '{parameter.Name}' to type "
                    + $"'{parameter.Type.FullName}' from type 'System.String'. Error:{e.Message}",
                e
            );
        }
    }

    /// <summary>The same with the bare <see cref="JsonException"/>, which an orchestration shows as its failure.</summary>
    public static object? ReadRaw(DataConverter converter, string? json, ParameterPlan parameter)
    {
        if (json is null || json.AsSpan().Trim() is "null")
            return parameter.Default;
        if (parameter.Type == typeof(string) && json.AsSpan().TrimStart() is not ['"', ..])
            return json;
        return converter.Deserialize(json, parameter.Type) ?? parameter.Default;
    }
}
