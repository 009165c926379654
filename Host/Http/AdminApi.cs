using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Durable.Host.Functions;
using Durable.Host.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Host.Http;

/// <summary>The part of the Functions host's admin API that operators use: list functions, call one manually, read the host's status. Needs
/// the master key.</summary>
internal sealed class AdminApi(FunctionCatalog catalog, KeyGate gate, HostState state, ManualCalls calls, HostRoutes routes)
{
    /// <summary>Maps <c>/admin/...</c>.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        AdminApi api = endpoints.ServiceProvider.GetRequiredService<AdminApi>();
        Add("/admin/host/ping", ["GET", "POST"], _ => Task.CompletedTask);
        Add("/admin/host/status", ["GET"], api.Guarded(api.StatusAsync));
        Add("/admin/functions", ["GET"], api.Guarded(api.ListAsync));
        Add("/admin/functions/{name}", ["GET"], api.Guarded(api.ShowAsync));
        Add("/admin/functions/{name}", ["POST"], api.Guarded(api.CallAsync));

        void Add(string pattern, string[] verbs, RequestDelegate handler) =>
            endpoints.Map(pattern, handler).WithMetadata(new EndpointVerbs(verbs));
    }

    private RequestDelegate Guarded(RequestDelegate handler) => http => gate.AllowAdmin(http) ? handler(http) : Task.CompletedTask;

    private Task StatusAsync(HttpContext http)
    {
        Process process = Process.GetCurrentProcess();
        Dictionary<string, object?> status = new()
        {
            ["id"] = Environment.MachineName.ToLowerInvariant(),
            ["state"] = state.Name,
            ["version"] = Assembly.GetExecutingAssembly().GetName().Version!.ToString(),
            ["versionDetails"] = "embedded",
            ["platform"] = Environment.OSVersion.Platform.ToString(),
            ["instanceId"] = $"{Environment.MachineName}-{Environment.ProcessId}",
            ["computerName"] = Environment.MachineName,
            ["processUptime"] = (long)(DateTime.Now - process.StartTime).TotalMilliseconds,
        };
        if (!state.IsRunning)
            status["errors"] = state.Errors;
        return http.Response.WriteAsJsonAsync(status, http.RequestAborted);
    }

    private Task ListAsync(HttpContext http) =>
        http.Response.WriteAsJsonAsync(catalog.Functions.Select(f => Describe(f, http.Request)), http.RequestAborted);

    private Task ShowAsync(HttpContext http)
    {
        if (Find(http) is { } function)
            return http.Response.WriteAsJsonAsync(Describe(function, http.Request), http.RequestAborted);
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private async Task CallAsync(HttpContext http)
    {
        if (Find(http) is not { } function)
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        HttpLimits.Apply(http);
        (bool valid, string? input) = await ReadInputAsync(http);
        http.Response.StatusCode =
            !valid || function.Kind == FunctionKind.Http ? StatusCodes.Status400BadRequest
            : !state.IsRunning ? StatusCodes.Status503ServiceUnavailable
            : StatusCodes.Status202Accepted;
        if (http.Response.StatusCode == StatusCodes.Status202Accepted)
            calls.Start(function, input);
    }

    private FunctionEntry? Find(HttpContext http) =>
        catalog.TryFind((string)http.Request.RouteValues["name"]!, out FunctionEntry? function) ? function : null;

    private static async Task<(bool Valid, string? Input)> ReadInputAsync(HttpContext http)
    {
        try
        {
            using JsonDocument body = await JsonDocument.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted);
            if (body.RootElement.ValueKind != JsonValueKind.Object)
                return (false, null);
            if (!body.RootElement.TryGetProperty("input", out JsonElement input) || input.ValueKind == JsonValueKind.Null)
                return (true, null);
            return (true, input.ValueKind == JsonValueKind.String ? input.GetString() : input.GetRawText());
        }
        catch (JsonException)
        {
            return (false, null);
        }
        catch (BadHttpRequestException)
        {
            return (false, null);
        }
    }

    private Dictionary<string, object?> Describe(FunctionEntry function, HttpRequest request)
    {
        string root = $"{request.Scheme}://{request.Host}";
        return new()
        {
            ["name"] = function.Name,
            ["href"] = $"{root}/admin/functions/{function.Name}",
            ["invoke_url_template"] = function.Kind == FunctionKind.Http ? root + HttpFunctions.FullRoute(routes.Prefix, function) : null,
            ["language"] = "dotnet-isolated",
            ["config"] = new Dictionary<string, object?>
            {
                ["name"] = function.Name,
                ["entryPoint"] = function.Definition.EntryPoint,
                ["scriptFile"] = Path.GetFileName(function.Definition.PathToAssembly),
                ["language"] = "dotnet-isolated",
                ["bindings"] = FunctionBindings.Describe(function),
            },
            ["isDisabled"] = function.IsDisabled,
            ["isDirect"] = false,
            ["isProxy"] = false,
        };
    }
}

/// <summary>Where functions are served. <paramref name="Prefix"/> is host.json's <c>extensions.http.routePrefix</c> without slashes; may be
/// empty.</summary>
internal sealed record HostRoutes(string Prefix);
