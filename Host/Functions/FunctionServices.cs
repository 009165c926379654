using System.Text.Json;
using Azure.Core.Serialization;
using Durable.Host.Timers;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Converters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Durable.Host.Functions;

/// <summary>Registers the function model.</summary>
internal static class FunctionServices
{
    /// <summary>JSON of inputs, outputs and events: reading ignores case and includes fields; writing keeps member names.</summary>
    public static DataConverter CreateConverter() =>
        new JsonDataConverter(new JsonSerializerOptions { PropertyNameCaseInsensitive = true, IncludeFields = true });

    /// <summary>Adds the catalog, the runtime (also as <see cref="IFunctionRuntime"/>) and, unless the app has its own, the
    /// <see cref="DataConverter"/>.</summary>
    public static IServiceCollection AddFunctionModel(this IServiceCollection services, FunctionCatalog catalog, FunctionPipeline pipeline)
    {
        services.TryAddSingleton(TimeProvider.System);
        services
            .AddOptions<WorkerOptions>()
            .PostConfigure<IOptions<JsonSerializerOptions>>((worker, json) => worker.Serializer ??= new JsonObjectSerializer(json.Value));
        services.TryAddSingleton(_ => CreateConverter());
        services.TryAddSingleton(new FunctionLimits());
        services.TryAddSingleton<ITimerStatus, DeclaredTimerStatus>();
        return services
            .AddSingleton(catalog)
            .AddSingleton(pipeline)
            .AddSingleton<FunctionRuntime>()
            .AddSingleton<ITimerFunctions, CatalogTimers>()
            .AddSingleton<IFunctionRuntime>(s => s.GetRequiredService<FunctionRuntime>());
    }
}
