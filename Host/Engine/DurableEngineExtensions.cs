using Durable.Host.Functions;
using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Engine;

/// <summary>Registers the engine.</summary>
internal static class DurableEngineExtensions
{
    /// <summary>Adds the engine and the task hub over <paramref name="connectionString"/>. <see cref="IFunctionRuntime"/> and
    /// <see cref="DataConverter"/> must be registered too.</summary>
    public static IServiceCollection AddDurableEngine(this IServiceCollection services, string connectionString, HubSettings settings)
    {
        services.AddSingleton(settings);
        services.AddSingleton<StoreHealth>();
        services.AddSingleton(provider => new HubDatabase(connectionString, settings.HubName)
        {
            Health = provider.GetRequiredService<StoreHealth>(),
        });
        services.AddSingleton<HubClock>();
        services.AddSingleton<HubWriter>();
        services.AddSingleton<WorkSource>();
        services.AddSingleton<HostLease>();
        services.AddSingleton<InstanceSignals>();
        services.AddSingleton<ActivityPlaces>();
        services.AddSingleton<LocalWork>();
        services.AddSingleton<ILocalWork>(provider => provider.GetRequiredService<LocalWork>());
        services.AddSingleton<ActivityWorker>();
        services.AddSingleton<PostgresTaskHub>();
        services.AddSingleton<ITaskHub>(provider => provider.GetRequiredService<PostgresTaskHub>());
        services.AddSingleton(provider => new EngineTools(
            provider.GetRequiredService<IFunctionRuntime>(),
            provider.GetRequiredService<DataConverter>(),
            provider.GetRequiredService<ILoggerFactory>(),
            settings
        ));
        services.AddSingleton<DurableEngine>();
        services.AddHostedService(provider => provider.GetRequiredService<DurableEngine>());
        services.TryAddSingleton(TimeProvider.System);
        services.AddHostedService<InstanceRetention>();
        return services;
    }
}
