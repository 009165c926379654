using Durable.Operations;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Climate;
using Durable.Pipelines.Pothole;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Configuration.AddOperationsDefaults();
builder.Services.AddClimate();
builder.Services.AddPothole();
builder.Services.AddReturns();
builder.Services.AddBenchmark();
builder.Build().Run();
