using Durable.Operations;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Sinks;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Durable.Pipelines.Spot;

public static class SpotServices
{
    /// <summary>Registers the spot collector and what it shares with the others.</summary>
    public static IServiceCollection AddSpot(this IServiceCollection services)
    {
        services.AddOperations();
        services.AddOptions<SpotOptions>().BindConfiguration(SpotOptions.Section).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SpotOptions>, SpotOptionsValidator>());
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<SpotOptions>>().Value);
        services.TryAddSingleton<ISpotAccounts, SpotAccounts>();
        services.TryAddSingleton<Patience>();
        services.TryAddSingleton<ScoreCollector>();
        services.TryAddSingleton<PriceCollector>();
        services.TryAddSingleton<OfferingCollector>();
        services.TryAddSingleton(provider => new AdvisorCollector(
            new HttpClient(
                new SocketsHttpHandler
                {
                    PooledConnectionLifetime = TimeSpan.FromMinutes(5),
                    AutomaticDecompression = System.Net.DecompressionMethods.All,
                }
            )
            {
                Timeout = TimeSpan.FromMinutes(1),
            },
            provider.GetRequiredService<SpotOptions>(),
            provider.GetRequiredService<Patience>()
        ));
        services.TryAddSingleton<SpotBucket>();
        services.TryAddSingleton<SpotFiles>();
        services.TryAddSingleton<SlotTable>();
        services.TryAddSingleton<MarketHistory>();
        services.TryAddSingleton<SlotStore>();
        services.TryAddSingleton<WorkloadTable>();
        services.TryAddSingleton<SlotPlanner>();
        services.TryAddSingleton<GapFinder>();
        services.TryAddSingleton<SpotMetrics>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ISpotSink, TimestreamSink>());
        return services;
    }
}
