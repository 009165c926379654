using Durable.Operations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Durable.Pipelines.Pothole;

public static class PotholeServices
{
    /// <summary>Registers the pothole pipeline and what it shares with the others.</summary>
    public static IServiceCollection AddPothole(this IServiceCollection services)
    {
        services.AddOperations();
        services.AddOptions<PotholeOptions>().BindConfiguration(PotholeOptions.Section).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PotholeOptions>, PotholeOptionsValidator>());
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<PotholeOptions>>().Value);
        services.TryAddSingleton<PotholeStorage>();
        services.TryAddSingleton<PotholeSteps>();
        services.TryAddSingleton<PotholePlanner>();
        services.TryAddSingleton<SegmentTable>();
        return services;
    }
}
