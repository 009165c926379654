using Durable.Host;
using Microsoft.Extensions.Hosting;

EmbeddedHost.CreateBuilder(args).Build().Run();
