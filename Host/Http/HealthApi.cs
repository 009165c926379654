using Durable.Host.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Durable.Host.Http;

/// <summary><c>GET /healthz</c>: the process answers. <c>GET /readyz</c>: it can take work; every registered health check passes. No key,
/// because probes have none; no detail beyond a reason.</summary>
internal static class HealthApi
{
    /// <summary>Timeout of one check.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Maps both endpoints.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        EndpointVerbs look = new(["GET", "HEAD"]);
        endpoints.MapHealthChecks("/healthz", new HealthCheckOptions { Predicate = _ => false }).WithMetadata(look);
        endpoints.MapHealthChecks("/readyz", new HealthCheckOptions { ResponseWriter = WriteAsync }).WithMetadata(look);
    }

    private static Task WriteAsync(HttpContext http, HealthReport report)
    {
        HostState state = http.RequestServices.GetRequiredService<HostState>();
        bool ready = state.IsRunning && report.Status == HealthStatus.Healthy;
        http.Response.StatusCode = ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        PartAnswer[] parts =
        [
            .. report.Entries.Select(part => new PartAnswer(part.Key, part.Value.Status == HealthStatus.Healthy, Reason(part.Value))),
        ];
        return http.Response.WriteAsJsonAsync(new ReadyAnswer(ready, state.Name, parts), http.RequestAborted);
    }

    // A message could contain a connection string.
    private static string? Reason(HealthReportEntry entry) => entry.Exception is { } error ? error.GetType().Name : entry.Description;

    private sealed record ReadyAnswer(bool Ready, string State, IReadOnlyList<PartAnswer> Parts);

    private sealed record PartAnswer(string Name, bool Ready, string? Reason);
}
