using Durable.Host;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

EmbeddedHostBuilder builder = EmbeddedHost.CreateBuilder(args);
builder.Services.AddSingleton(_ => NpgsqlDataSource.Create(builder.Configuration["PostgresConnection"]!));
builder.Build().Run();
