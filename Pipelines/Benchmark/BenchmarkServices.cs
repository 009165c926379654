using Durable.Operations;
using Durable.Pipelines.Benchmark.Tracking;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Durable.Pipelines.Benchmark;

public static class BenchmarkServices
{
    /// <summary>Timeout of a call to the tracking server.</summary>
    private static readonly TimeSpan MlflowTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Registers the model benchmark and what it shares with the others.</summary>
    public static IServiceCollection AddBenchmark(this IServiceCollection services)
    {
        services.AddOperations();
        services.AddOptions<BenchmarkOptions>().BindConfiguration(BenchmarkOptions.Section).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BenchmarkOptions>, BenchmarkOptionsValidator>());
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<BenchmarkOptions>>().Value);
        services.TryAddSingleton<BenchmarkStorage>();
        services.TryAddSingleton<BenchmarkTable>();
        services.TryAddSingleton<BenchmarkPlanner>();
        services.TryAddSingleton<RunTracker>();
        services.TryAddSingleton<BenchmarkReaper>();
        services.TryAddSingleton(provider =>
        {
            BenchmarkOptions options = provider.GetRequiredService<BenchmarkOptions>();
            if (!options.HasMlflow)
                throw new NoTrackingServerException();
            HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
            {
                Timeout = MlflowTimeout,
            };
            return new MlflowClient(http, new Uri(options.MlflowUrl), options.MlflowToken);
        });
        return services;
    }
}
