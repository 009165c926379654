using Durable.Host.Http;
using Durable.Host.Management;
using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Durable.Host.Client;

/// <summary>Registers the client side of the host.</summary>
internal static class DurableClientServices
{
    /// <summary>
    /// Adds the client and what the management API needs. An <see cref="ITaskHub"/>, an <see cref="Functions.IFunctionRuntime"/> and the host's keys
    /// (or another <see cref="IWebhookAuthorization"/>) must be registered too.
    /// </summary>
    public static IServiceCollection AddDurableClient(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IWebhookAuthorization, KeyedWebhooks>();
        services.TryAddSingleton<LinkKeys>();
        services.TryAddSingleton<ManagementApi>();
        services.TryAddSingleton<DurableTaskClient>(provider => new EmbeddedDurableTaskClient(
            provider.GetRequiredService<ITaskHub>(),
            provider.GetService<DataConverter>() ?? JsonDataConverter.Default,
            provider.GetRequiredService<LinkKeys>().CodeFor,
            provider.GetRequiredService<TimeProvider>()));
        return services;
    }
}
