using Durable.Operations;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Import;
using Durable.Pipelines.Climate.Packing;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Climate.Results;
using Durable.Pipelines.Climate.Sample;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Durable.Pipelines.Climate;

public static class ClimateServices
{
    /// <summary>Registers the climate pipeline and what it shares with the others.</summary>
    public static IServiceCollection AddClimate(this IServiceCollection services)
    {
        services.AddOperations();
        services.TryAddSingleton<GridStore>();
        services.TryAddSingleton<PlacePacker>();
        services.TryAddSingleton<DistrictIndices>();
        services.TryAddSingleton<YearPacker>();
        services.AddOptions<ImportLimits>().BindConfiguration("ClimateImport").ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<ImportLimits>>().Value);
        services.TryAddSingleton<CsvImporter>();
        services.TryAddSingleton<SampleLoader>();
        services.TryAddSingleton<HazardTable>();
        services.TryAddSingleton<ProbabilityTable>();
        services.TryAddSingleton<ClimatePlanner>();
        services.TryAddSingleton<ClimateMonitor>();
        return services;
    }
}
