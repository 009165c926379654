using Durable.Operations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Durable.Pipelines.Returns;

public static class ReturnsServices
{
    /// <summary>Registers the returns pipeline and what it shares with the others.</summary>
    public static IServiceCollection AddReturns(this IServiceCollection services)
    {
        services.AddOperations();
        services.AddOptions<ReturnsOptions>().BindConfiguration(ReturnsOptions.Section).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ReturnsOptions>, ReturnsOptionsValidator>());
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<ReturnsOptions>>().Value);
        services.TryAddSingleton(Source);
        services.TryAddSingleton<ReturnsStorage>();
        services.TryAddSingleton<ReturnsTable>();
        services.TryAddSingleton<ReturnsJournal>();
        services.TryAddSingleton<ReturnsPlanner>();
        services.TryAddSingleton<ModelTable>();
        services.TryAddSingleton<ModelServer>();
        services.TryAddSingleton<ModelRegistry>();
        services.TryAddSingleton<PredictionTable>();
        return services;
    }

    private static IReturnsSource Source(IServiceProvider provider)
    {
        ReturnsOptions options = provider.GetRequiredService<ReturnsOptions>();
        if (options.Source == "supabase")
            return new PostgrestSource(
                new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(30) },
                options,
                provider.GetRequiredService<TimeProvider>()
            );
        return new PostgresSource(
            options.SourceConnection.Length > 0
                ? NpgsqlDataSource.Create(options.SourceConnection)
                : provider.GetRequiredService<NpgsqlDataSource>()
        );
    }
}
