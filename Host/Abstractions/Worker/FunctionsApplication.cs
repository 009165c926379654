using Durable.Host;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Microsoft.Azure.Functions.Worker.Builder;

/// <summary>Where a Functions app begins.</summary>
public class FunctionsApplication
{
    /// <summary>A builder with settings from the environment and local.settings.json.</summary>
    /// <param name="args">Command line: <c>--port</c>, <c>--urls</c>, <c>--enableAuth</c>, settings as <c>--name=value</c>.</param>
    public static FunctionsApplicationBuilder CreateBuilder(string[] args) => new(new EmbeddedHost(args));
}

/// <summary>Builds a Functions app.</summary>
public class FunctionsApplicationBuilder : IHostApplicationBuilder, IFunctionsWorkerApplicationBuilder
{
    private readonly EmbeddedHost _host;

    internal FunctionsApplicationBuilder(EmbeddedHost host) => _host = host;

    /// <inheritdoc/>
    public IDictionary<object, object> Properties => ((IHostApplicationBuilder)_host.Builder).Properties;

    /// <inheritdoc cref="IHostApplicationBuilder.Configuration"/>
    public ConfigurationManager Configuration => _host.Builder.Configuration;

    IConfigurationManager IHostApplicationBuilder.Configuration => Configuration;

    /// <inheritdoc/>
    public IHostEnvironment Environment => _host.Builder.Environment;

    /// <inheritdoc/>
    public ILoggingBuilder Logging => _host.Builder.Logging;

    /// <inheritdoc/>
    public IMetricsBuilder Metrics => _host.Builder.Metrics;

    /// <inheritdoc cref="IHostApplicationBuilder.Services"/>
    public IServiceCollection Services => _host.Builder.Services;

    /// <summary>Builds the host. Call once.</summary>
    public IHost Build() => _host.Build();

    /// <inheritdoc/>
    public void ConfigureContainer<TContainerBuilder>(IServiceProviderFactory<TContainerBuilder> factory, Action<TContainerBuilder>? configure = null)
        where TContainerBuilder : notnull => ((IHostApplicationBuilder)_host.Builder).ConfigureContainer(factory, configure);

    /// <inheritdoc/>
    public IFunctionsWorkerApplicationBuilder Use(Func<FunctionExecutionDelegate, FunctionExecutionDelegate> middleware)
    {
        _host.Use(middleware);
        return this;
    }
}

/// <summary>ASP.NET Core for HTTP functions.</summary>
public static class FunctionsApplicationBuilderAspNetCoreExtensions
{
    /// <summary>Lets HTTP functions use ASP.NET Core's types. This host always does; the call is kept so that the app builds for the Functions host too.</summary>
    public static FunctionsApplicationBuilder ConfigureFunctionsWebApplication(this FunctionsApplicationBuilder builder) => builder;
}
