using System.Text;
using System.Text.Json;
using Durable.Host.Functions;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Host.Http;

/// <summary>Request, body, route and query values of an HTTP invocation.</summary>
internal sealed class HttpSource(HttpContext http) : ITriggerSource
{
    private readonly RequestDataFeature data = new(http.Request);

    /// <summary>Route and query values by name, and the whole query and headers as JSON text, as on the Functions host.</summary>
    public static Dictionary<string, object?> ReadValues(HttpRequest request)
    {
        Dictionary<string, object?> values = new(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, object? value) in request.RouteValues)
            values[name] = value;
        foreach (var (name, value) in request.Query)
            values.TryAdd(name, value.ToString());
        values.TryAdd("Query", JsonSerializer.Serialize(request.Query.ToDictionary(q => q.Key, q => q.Value.ToString())));
        values.TryAdd("Headers", JsonSerializer.Serialize(request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString())));
        return values;
    }

    /// <summary>Exposes the request to middleware: <c>GetHttpContext</c>, <c>GetHttpRequestDataAsync</c>.</summary>
    public void AddTo(HostFunctionContext context)
    {
        context.Items["HttpRequestContext"] = http;
        context.Features.Set<IHttpRequestDataFeature>(data);
    }

    public async ValueTask<object?> ReadAsync(ParameterPlan parameter, HostFunctionContext context) =>
        parameter.Source switch
        {
            ParameterSource.HttpRequest => http.Request,
            ParameterSource.HttpRequestData => data.Get(context),
            ParameterSource.Body => await ReadBodyAsync(parameter, context),
            _ => ReadValue(parameter, context),
        };

    private async Task<object?> ReadBodyAsync(ParameterPlan parameter, HostFunctionContext context)
    {
        if (parameter.Type == typeof(Stream))
            return http.Request.Body;
        if (parameter.Type == typeof(string))
        {
            using StreamReader reader = new(http.Request.Body, Encoding.UTF8, leaveOpen: true);
            return await reader.ReadToEndAsync(http.RequestAborted);
        }
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, parameter.Type, JsonSerializerOptions.Web, http.RequestAborted);
        }
        catch (JsonException e)
        {
            throw CannotConvert(parameter, context, e);
        }
    }

    private object? ReadValue(ParameterPlan parameter, HostFunctionContext context)
    {
        string? text =
            http.Request.RouteValues.TryGetValue(parameter.Name, out object? segment) ? segment?.ToString()
            : http.Request.Query.TryGetValue(parameter.Name, out var query) ? query.ToString()
            : null;
        if (text is null)
            return parameter.Default;
        try
        {
            return SimpleValues.Read(text, parameter.Type);
        }
        catch (FormatException e)
        {
            throw CannotConvert(parameter, context, e);
        }
    }

    private static FunctionInputConverterException CannotConvert(ParameterPlan parameter, HostFunctionContext context, Exception reason) =>
        new(
            $"Error converting 1 input parameters for Function '{context.Function.Name}': "
                + $"Cannot convert input parameter '{parameter.Name}' to type "
                + $"'{parameter.Type.FullName}'. Error:{reason.Message}",
            reason
        );
}
