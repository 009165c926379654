using Durable.Host.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Host.Http;

/// <summary><c>GET /healthz</c>: the process answers. <c>GET /readyz</c>: it can take work. No key, because probes have none; no detail beyond a reason.</summary>
internal sealed class HealthApi(HostState state, IEnumerable<IReadiness> parts)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Maps both endpoints.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        HealthApi api = endpoints.ServiceProvider.GetRequiredService<HealthApi>();
        EndpointVerbs look = new(["GET", "HEAD"]);
        endpoints.Map("/healthz", http => http.Response.WriteAsync("Healthy", http.RequestAborted)).WithMetadata(look);
        endpoints.Map("/readyz", api.ReadyAsync).WithMetadata(look);
    }

    private async Task ReadyAsync(HttpContext http)
    {
        PartAnswer[] answers = await Task.WhenAll(parts.Select(p => AskAsync(p, http.RequestAborted)));
        bool ready = state.IsRunning && answers.All(a => a.Ready);
        http.Response.StatusCode = ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        await http.Response.WriteAsJsonAsync(new ReadyAnswer(ready, state.Name, answers), http.RequestAborted);
    }

    private static async Task<PartAnswer> AskAsync(IReadiness part, CancellationToken cancellation)
    {
        try
        {
            string? reason = await part.CheckAsync(cancellation).AsTask().WaitAsync(Patience, cancellation);
            return new PartAnswer(part.Name, reason is null, reason);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            return new PartAnswer(part.Name, false, e.GetType().Name); // a message could hold a connection string
        }
    }

    private sealed record ReadyAnswer(bool Ready, string State, IReadOnlyList<PartAnswer> Parts);

    private sealed record PartAnswer(string Name, bool Ready, string? Reason);
}
