using Durable.Host.Functions;
using Durable.Host.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Host.Http;

/// <summary>Serves the app's HTTP functions: one endpoint each.</summary>
internal sealed class HttpFunctions(FunctionRuntime runtime, KeyGate gate, ILogger<HttpFunctions> logger)
{
    /// <summary>Maps every enabled HTTP function below <paramref name="routePrefix"/> (host.json <c>extensions.http.routePrefix</c>,
    /// usually <c>api</c>; may be empty).</summary>
    public static void Map(IEndpointRouteBuilder endpoints, string routePrefix)
    {
        FunctionCatalog catalog = endpoints.ServiceProvider.GetRequiredService<FunctionCatalog>();
        HttpFunctions functions = endpoints.ServiceProvider.GetRequiredService<HttpFunctions>();
        foreach (FunctionEntry function in catalog.OfKind(FunctionKind.Http).Where(f => !f.IsDisabled))
        {
            long? limit = HttpLimits.Stated(function.Method);
            endpoints
                .Map(FullRoute(routePrefix, function), http => functions.ServeAsync(http, function, limit))
                .WithMetadata(new EndpointVerbs(function.Http!.Methods))
                .WithDisplayName(function.Name);
        }
    }

    /// <summary>Route of a function with its prefix and a leading slash.</summary>
    public static string FullRoute(string routePrefix, FunctionEntry function)
    {
        string prefix = routePrefix.Trim('/');
        return prefix.Length == 0 ? $"/{function.Http!.Route}" : $"/{prefix}/{function.Http!.Route}";
    }

    private async Task ServeAsync(HttpContext http, FunctionEntry function, long? bodyLimit)
    {
        if (gate.RefuseFunction(http.Request, function.Name, function.Http!.Level) is { } refusal)
        {
            http.Response.StatusCode = refusal;
            return;
        }
        HttpLimits.Apply(http, bodyLimit);
        HttpSource source = new(http);
        HostFunctionContext invocation = new(function, http.RequestServices, new TriggerData(() => HttpSource.ReadValues(http.Request)))
        {
            Source = source,
            TraceParent = http.Request.Headers.TraceParent,
            Cancellation = http.RequestAborted,
        };
        source.AddTo(invocation);
        bool returned = false;
        try
        {
            object? result = await runtime.InvokeAsync(invocation);
            returned = true;
            if (function.Http.ResultProperty is { } property && property.DeclaringType!.IsInstanceOfType(result))
                result = property.GetValue(result);
            await HttpResultWriter.WriteAsync(http, result);
        }
        catch (BadHttpRequestException e) when (!http.Response.HasStarted)
        {
            await HttpLimits.AnswerAsync(http, e);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller has disconnected.
        }
        catch (Exception e) when (e is NpgsqlException && HubDatabase.IsTransient(e) && !http.Response.HasStarted)
        {
            http.Response.Clear();
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            http.Response.Headers.RetryAfter = "1";
            await http.Response.WriteAsync(HubDatabase.Explain(e), http.RequestAborted);
        }
        catch (Exception e)
        {
            if (returned) // the runtime has already logged the function's own exceptions
                Log.ResultFailed(logger, e, function.Name, invocation.InvocationId);
            if (http.Response.HasStarted)
            {
                http.Abort(); // a truncated response must not look complete
                return;
            }
            http.Response.Clear();
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
    }
}
