using Durable.Host.Timers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Host.Http;

/// <summary>
/// The timers of this hub: list, pause, resume. The Functions host has no such route. <c>POST /admin/functions/{name}</c> calls one now.
/// Needs the master key.
/// </summary>
internal static class TimersApi
{
    /// <summary>Maps <c>/admin/timers</c>.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        KeyGate gate = endpoints.ServiceProvider.GetRequiredService<KeyGate>();
        endpoints.Map("/admin/timers", Guarded(ListAsync)).WithMetadata(new EndpointVerbs(["GET"]));
        endpoints
            .Map("/admin/timers/{name}/pause", Guarded((http, store) => PauseAsync(http, store, paused: true)))
            .WithMetadata(new EndpointVerbs(["POST"]));
        endpoints
            .Map("/admin/timers/{name}/resume", Guarded((http, store) => PauseAsync(http, store, paused: false)))
            .WithMetadata(new EndpointVerbs(["POST"]));

        RequestDelegate Guarded(Func<HttpContext, TimerStore, Task> handler) =>
            http =>
            {
                if (!gate.AllowAdmin(http))
                    return Task.CompletedTask;
                if (http.RequestServices.GetService<TimerStore>() is { } store)
                    return handler(http, store);
                http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable; // a host in error has no hub
                return Task.CompletedTask;
            };
    }

    private static async Task ListAsync(HttpContext http, TimerStore store) =>
        await http.Response.WriteAsJsonAsync(await store.ListAsync(http.RequestAborted), http.RequestAborted);

    private static async Task PauseAsync(HttpContext http, TimerStore store, bool paused)
    {
        bool found = await store.PauseAsync((string)http.Request.RouteValues["name"]!, paused, http.RequestAborted);
        http.Response.StatusCode = found ? StatusCodes.Status204NoContent : StatusCodes.Status404NotFound;
    }
}
