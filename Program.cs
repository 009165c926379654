using Durable.Pipelines.Climate;
using Durable.Pipelines.Operations;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Configuration.AddOperationsDefaults();
builder.Services.AddClimate();
builder.Build().Run();
