using Durable.Host.Functions;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Host.Http;

/// <summary>The bindings of a function as function metadata shows them.</summary>
internal static class FunctionBindings
{
    /// <summary>Inputs in the order of the parameters, then outputs.</summary>
    public static List<Dictionary<string, object?>> Describe(FunctionEntry function)
    {
        List<Dictionary<string, object?>> bindings = [];
        foreach (ParameterPlan parameter in function.Parameters)
        {
            if (function.Definition.InputBindings.TryGetValue(parameter.Name, out BindingMetadata? binding))
                bindings.Add(Describe(binding, function));
        }
        bindings.AddRange(function.Definition.OutputBindings.Values.Select(b => Describe(b, function)));
        return bindings;
    }

    private static Dictionary<string, object?> Describe(BindingMetadata binding, FunctionEntry function)
    {
        Dictionary<string, object?> shown = new()
        {
            ["name"] = binding.Name,
            ["type"] = binding.Type,
            ["direction"] = binding.Direction.ToString(),
        };
        switch (function.Trigger)
        {
            case HttpTriggerAttribute http when binding.Type == "httpTrigger":
                shown["authLevel"] = http.AuthLevel.ToString();
                if (http.Methods is { Length: > 0 } methods)
                    shown["methods"] = methods;
                if (http.Route is not null)
                    shown["route"] = http.Route;
                break;
            case TimerTriggerAttribute timer when binding.Type == "timerTrigger":
                shown["schedule"] = timer.Schedule;
                break;
        }
        return shown;
    }
}
