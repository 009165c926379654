using Durable;
using Durable.Host;
using Durable.Host.Hosting;
using Durable.Operations;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Climate;
using Durable.Pipelines.Pothole;
using Durable.Pipelines.Returns;
using Durable.Pipelines.Spot;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

StartErrors.SayInOneSentence();
IHost host = FunctionsHost.Started(args) ? BuildWorker() : BuildEmbedded();
host.Run();

IHost BuildWorker()
{
    FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
    builder.ConfigureFunctionsWebApplication();
    builder.AddPipelines();
    builder.Services.AddInstanceRetention();
    return builder.Build();
}

IHost BuildEmbedded()
{
    EmbeddedHostBuilder builder = EmbeddedHost.CreateBuilder(args);
    builder.AddPipelines();
    return builder.Build();
}

namespace Durable
{
    /// <summary>What the app needs, on whichever host.</summary>
    internal static class App
    {
        /// <summary>Adds the services of every pipeline.</summary>
        public static void AddPipelines(this IHostApplicationBuilder builder)
        {
            builder.Services.AddClimate();
            builder.Services.AddPothole();
            builder.Services.AddReturns();
            builder.Services.AddBenchmark();
            builder.Services.AddSpot();
        }
    }
}
