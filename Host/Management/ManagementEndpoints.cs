using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Host.Management;

/// <summary>Routes of the durable extension's management API.</summary>
internal static class ManagementEndpoints
{
    /// <summary>Base of every route.</summary>
    public const string Base = "/runtime/webhooks/durabletask";

    /// <summary>Maps the API; its services are registered by <see cref="Client.DurableClientServices.AddDurableClient"/>.</summary>
    public static void Map(IEndpointRouteBuilder app)
    {
        ManagementApi api = app.ServiceProvider.GetRequiredService<ManagementApi>();
        app.Map(Base + "/{**path}", api.HandleAsync); // every verb: a wrong one is 404 here, not 405
    }
}
