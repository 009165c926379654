using Durable.Host.Hosting;
using Microsoft.Extensions.Hosting;

EmbeddedHost.CreateBuilder(args).Build().Run();
