using Durable.Host.Http;
using Durable.Host.Management;
using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Durable.Host.Client;

/// <summary>Registers the client side of the host.</summary>
internal static class DurableClientServices
{
    /// <summary>
    /// Adds the client and what the management API needs. An <see cref="ITaskHub"/>, an <see cref="Functions.IFunctionRuntime"/> and the
    /// host's keys (or another <see cref="IWebhookAuthorization"/>) must be registered too.
    /// </summary>
    public static IServiceCollection AddDurableClient(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IWebhookAuthorization, KeyedWebhooks>();
        services.TryAddSingleton<LinkKeys>();
        services.TryAddSingleton<ManagementApi>();
        services.TryAddSingleton(provider => new EmbeddedDurableTaskClient(
            provider.GetRequiredService<ITaskHub>(),
            provider.GetService<DataConverter>() ?? JsonDataConverter.Default,
            provider.GetRequiredService<LinkKeys>().CodeFor,
            provider.GetRequiredService<TimeProvider>()
        ));
        services.TryAddTransient<DurableTaskClient>(provider =>
        {
            EmbeddedDurableTaskClient client = provider.GetRequiredService<EmbeddedDurableTaskClient>();
            string? key = provider.GetRequiredService<LinkKeys>().HubCode,
                name = provider.GetService<IConfiguration>()?["WEBSITE_HOSTNAME"];
            return key is null && string.IsNullOrEmpty(name)
                ? client
                : StatusResponses.WithLinks(client, key, string.IsNullOrEmpty(name) ? null : name);
        });
        return services;
    }
}
