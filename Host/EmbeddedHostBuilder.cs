using System.Reflection;
using Durable.Host.Client;
using Durable.Host.Configuration;
using Durable.Host.Engine;
using Durable.Host.Functions;
using Durable.Host.Hosting;
using Durable.Host.Http;
using Durable.Host.Management;
using Durable.Host.Store;
using Durable.Host.Telemetry;
using Durable.Host.Timers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Durable.Host;

/// <summary>Entry point of an app that no Functions host started: builds a host that runs the app's functions in this process.</summary>
public static class EmbeddedHost
{
    /// <summary>A builder with settings from the environment and local.settings.json.</summary>
    /// <param name="args">Command line: <c>--port</c>, <c>--urls</c>, <c>--enableAuth</c>, <c>--no-admin-key</c>, and settings as
    /// <c>--name=value</c>.</param>
    public static EmbeddedHostBuilder CreateBuilder(string[] args) => new(args);
}

/// <summary>Builds the host: settings, host.json, the app's functions, engine, timers and HTTP in one process.</summary>
public sealed class EmbeddedHostBuilder : IHostApplicationBuilder, IFunctionsWorkerApplicationBuilder
{
    private readonly string[] args;
    private readonly LocalSettings local;
    private readonly List<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> middleware = [];

    /// <summary>Reads settings (environment over local.settings.json) and sets up logging; the app adds its services afterwards.</summary>
    /// <param name="args">Command line, see <see cref="EmbeddedHost.CreateBuilder"/>.</param>
    /// <param name="contentRoot">Folder of host.json; default see <see cref="ContentRoot.Find"/>.</param>
    internal EmbeddedHostBuilder(string[] args, string? contentRoot = null)
    {
        this.args = args;
        Web = WebApplication.CreateBuilder(
            new WebApplicationOptions
            {
                Args = [.. args.Where(a => !HostArguments.Switches.Contains(a, StringComparer.OrdinalIgnoreCase))],
                ContentRootPath = contentRoot ?? ContentRoot.Find(),
            }
        );
        this.local = LocalSettings.Load(Web.Environment.ContentRootPath);
        this.local.AddTo(Web.Configuration);
        this.local.AddToEnvironment();
        Web.Logging.ClearProviders().AddRedactedConsole();
    }

    /// <inheritdoc/>
    public IServiceCollection Services => Web.Services;

    /// <inheritdoc/>
    public IConfigurationManager Configuration => Web.Configuration;

    /// <inheritdoc/>
    public IHostEnvironment Environment => Web.Environment;

    /// <inheritdoc/>
    public ILoggingBuilder Logging => Web.Logging;

    /// <inheritdoc/>
    public IMetricsBuilder Metrics => Web.Metrics;

    /// <inheritdoc/>
    public IDictionary<object, object> Properties => ((IHostApplicationBuilder)Web).Properties;

    /// <summary>The underlying web application.</summary>
    internal WebApplicationBuilder Web { get; }

    /// <inheritdoc/>
    public void ConfigureContainer<TContainerBuilder>(
        IServiceProviderFactory<TContainerBuilder> factory,
        Action<TContainerBuilder>? configure = null
    )
        where TContainerBuilder : notnull => ((IHostApplicationBuilder)Web).ConfigureContainer(factory, configure);

    /// <summary>Adds middleware around every function; the first one added is the outermost.</summary>
    public IFunctionsWorkerApplicationBuilder Use(Func<FunctionExecutionDelegate, FunctionExecutionDelegate> middleware)
    {
        this.middleware.Add(middleware);
        return this;
    }

    /// <summary>Builds the host. Call once, after the app has added everything. Invalid settings do not throw: the host then answers 503
    /// with the reason.</summary>
    /// <exception cref="InvalidOperationException">Some functions of the app cannot be served; the message names them.</exception>
    public IHost Build() => Build([]);

    /// <summary>Builds the host.</summary>
    /// <param name="functions">Assemblies with functions; default: the program's own.</param>
    /// <exception cref="FunctionCatalogException">Some functions of the app cannot be served.</exception>
    internal WebApplication Build(params IReadOnlyList<Assembly> functions)
    {
        string root = Web.Environment.ContentRootPath;
        HostArguments arguments = HostArguments.Read(this.args, Web.Configuration);
        if (arguments.RequireKeys)
            Web.Configuration["Durable:RequireKeys"] = "true";
        if (arguments.NoAdminKey)
            Web.Configuration["Durable:NoAdminKey"] = "true";

        HostJsonReading hostJson = HostJson.Load(root, Web.Configuration);
        HostState state = new();
        foreach (string error in this.local.Errors.Concat(hostJson.Errors))
            state.Fail(error, error);

        FunctionCatalog catalog = FunctionCatalog.FromAssemblies(
            functions.Count > 0 ? functions : [Assembly.GetEntryAssembly()!],
            IsDisabled
        );
        Web.Logging.AddHostJsonLevels(hostJson.Settings);
        Web.WebHost.UseUrls(arguments.Url).UseHostLimits();
        Web.Services.AddSingleton(state);
        Web.Services.AddSingleton(hostJson.Settings);
        // .NET timers reach 49 days; more means no limit.
        Web.Services.AddSingleton(
            new FunctionLimits { Timeout = hostJson.Settings.FunctionTimeout is { TotalDays: < 40 } limit ? limit : null }
        );
        Web.Services.AddFunctionModel(catalog, new FunctionPipeline(this.middleware));
        Web.Services.AddHttpFunctions(hostJson.Settings.RoutePrefix, Path.Combine(root, ".local", "keys.json"));

        Web.Services.AddTelemetryExport(Web.Configuration, hostJson.Settings);
        if (state.IsRunning)
            AddEngine(hostJson.Settings);

        WebApplication app = Web.Build();
        Announce(app, hostJson, state);
        app.UseHttpFunctions();
        if (app.Services.GetService<ManagementApi>() is not null)
            ManagementEndpoints.Map(app);
        return app;
    }

    private void AddEngine(HostJson settings)
    {
        Web.Services.AddDurableEngine(
            settings.PostgresConnection,
            new HubSettings
            {
                HubName = settings.HubName,
                MaxConcurrentActivities = settings.MaxConcurrentActivityFunctions,
                MaxConcurrentOrchestrators = settings.MaxConcurrentOrchestratorFunctions,
                ExtendedSessions = settings.ExtendedSessionsEnabled,
                IdleTimeout = settings.ExtendedSessionIdleTimeout,
                MaxDeliveries = Math.Max(1, Web.Configuration.GetValue("Durable:MaxDeliveries", HubSettings.DefaultMaxDeliveries)),
                MaxHistoryEvents = Math.Max(0, Web.Configuration.GetValue("Durable:MaxHistoryEvents", new HubSettings().MaxHistoryEvents)),
                InstanceRetention = Web.Configuration.GetValue("Durable:InstanceRetention", new HubSettings().InstanceRetention),
            }
        );
        Web.Services.AddDurableClient();
        Web.Services.AddTimerTriggers();
        Web.Services.AddSingleton<EngineGate>(); // after the timers, which do not start when the host is already in error
        Web.Services.AddHealthChecks().AddCheck<EngineGate>(EngineGate.Part, timeout: HealthApi.Patience);
        Web.Services.AddHostedService(s => s.GetRequiredService<EngineGate>());
    }

    private bool IsDisabled(string function) =>
        Web.Configuration[$"AzureWebJobs:{function}:Disabled"] is { } text
            && (text == "1" || text.Equals("true", StringComparison.OrdinalIgnoreCase))
        || Web.Configuration.GetValue($"AzureWebJobs.{function}.Disabled", false);

    private static void Announce(WebApplication app, HostJsonReading hostJson, HostState state)
    {
        ILogger logger = app.Services.GetRequiredService<ILogger<EmbeddedHostBuilder>>();
        foreach (string error in state.Errors)
            HostLog.CannotRun(logger, error);
        if (hostJson.Ignored.Count > 0)
            HostLog.Ignored(logger, string.Join(", ", hostJson.Ignored));
        IEnumerable<IGrouping<FunctionKind, FunctionEntry>> kinds = app
            .Services.GetRequiredService<FunctionCatalog>()
            .Functions.GroupBy(f => f.Kind);
        HostLog.Found(logger, string.Join(", ", kinds.OrderBy(k => k.Key).Select(k => $"{k.Count()} {k.Key}")));
    }
}
