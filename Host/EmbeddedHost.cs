using System.Reflection;
using Durable.Host.Client;
using Durable.Host.Configuration;
using Durable.Host.Engine;
using Durable.Host.Functions;
using Durable.Host.Http;
using Durable.Host.Http.Management;
using Durable.Host.Store;
using Durable.Host.Telemetry;
using Durable.Host.Triggers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Durable.Host;

/// <summary>Puts the host together: settings, host.json, the app's functions, engine, timers and HTTP in one process.</summary>
internal sealed class EmbeddedHost
{
    private readonly string[] _args;
    private readonly LocalSettings _local;
    private readonly List<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> _middleware = [];

    /// <summary>Reads settings (environment over local.settings.json) and prepares the log; the app adds its services to <see cref="Builder"/> afterwards.</summary>
    /// <param name="args">Command line: <c>--port</c>, <c>--urls</c>, <c>--enableAuth</c>, <c>--no-admin-key</c>, and settings as <c>--name=value</c>.</param>
    /// <param name="contentRoot">Folder of host.json; default see <see cref="ContentRoot.Find"/>.</param>
    public EmbeddedHost(string[] args, string? contentRoot = null)
    {
        _args = args;
        Builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            Args = [.. args.Where(a => !HostArguments.Switches.Contains(a, StringComparer.OrdinalIgnoreCase))],
            ContentRootPath = contentRoot ?? ContentRoot.Find(),
        });
        _local = LocalSettings.Load(Builder.Environment.ContentRootPath);
        _local.AddTo(Builder.Configuration);
        _local.AddToEnvironment();
        Builder.Logging.ClearProviders().AddRedactedConsole();
    }

    /// <summary>Services, settings and log of the app.</summary>
    public WebApplicationBuilder Builder { get; }

    /// <summary>Adds middleware around every function; the first one added is the outermost.</summary>
    public void Use(Func<FunctionExecutionDelegate, FunctionExecutionDelegate> middleware) => _middleware.Add(middleware);

    /// <summary>Builds the host. Call once, after the app has added everything. Errors in settings do not throw: that host answers 503 and says why.</summary>
    /// <param name="functions">Assemblies with functions; default: the program's own.</param>
    /// <exception cref="FunctionCatalogException">Some functions of the app cannot be served.</exception>
    public WebApplication Build(params IReadOnlyList<Assembly> functions)
    {
        string root = Builder.Environment.ContentRootPath;
        HostArguments arguments = HostArguments.Read(_args, Builder.Configuration);
        if (arguments.RequireKeys)
            Builder.Configuration["Durable:RequireKeys"] = "true";
        if (arguments.NoAdminKey)
            Builder.Configuration["Durable:NoAdminKey"] = "true";

        HostJsonReading hostJson = HostJson.Load(root, Builder.Configuration);
        HostState state = new();
        foreach (string error in _local.Errors.Concat(hostJson.Errors))
            state.Fail(error, error);

        FunctionCatalog catalog = FunctionCatalog.FromAssemblies(functions.Count > 0 ? functions : [Assembly.GetEntryAssembly()!], IsDisabled);
        Builder.Logging.AddHostJsonLevels(hostJson.Settings);
        Builder.WebHost.UseUrls(arguments.Url).UseHostLimits();
        Builder.Services.AddSingleton(state);
        Builder.Services.AddSingleton(hostJson.Settings);
        // Timers of .NET reach 49 days; whoever asks for more means no limit.
        Builder.Services.AddSingleton(new FunctionLimits { Timeout = hostJson.Settings.FunctionTimeout is { TotalDays: < 40 } limit ? limit : null });
        Builder.Services.AddFunctionModel(catalog, new FunctionPipeline(_middleware));
        Builder.Services.AddHttpFunctions(hostJson.Settings.RoutePrefix, Path.Combine(root, ".local", "keys.json"));

        Builder.Services.AddDurableTelemetry();
        if (state.IsRunning)
            AddEngine(hostJson.Settings);

        WebApplication app = Builder.Build();
        Announce(app, hostJson, state);
        app.UseHttpFunctions();
        if (app.Services.GetService<ManagementApi>() is not null)
            ManagementEndpoints.Map(app);
        return app;
    }

    private void AddEngine(HostJson settings)
    {
        Builder.Services.AddDurableEngine(settings.PostgresConnection, new HubSettings
        {
            HubName = settings.HubName,
            MaxConcurrentActivities = settings.MaxConcurrentActivityFunctions,
            MaxConcurrentOrchestrators = settings.MaxConcurrentOrchestratorFunctions,
            ExtendedSessions = settings.ExtendedSessionsEnabled,
            IdleTimeout = settings.ExtendedSessionIdleTimeout,
            MaxDeliveries = Math.Max(1, Builder.Configuration.GetValue("Durable:MaxDeliveries", HubSettings.DefaultMaxDeliveries)),
            MaxHistoryEvents = Math.Max(0, Builder.Configuration.GetValue("Durable:MaxHistoryEvents", new HubSettings().MaxHistoryEvents)),
            InstanceRetention = Builder.Configuration.GetValue("Durable:InstanceRetention", new HubSettings().InstanceRetention),
        });
        Builder.Services.AddDurableClient();
        Builder.Services.AddTimerTriggers();
        Builder.Services.AddSingleton<EngineGate>(); // after the timers, which give up for good when the host is in error as they start
        Builder.Services.AddSingleton<IReadiness>(s => s.GetRequiredService<EngineGate>());
        Builder.Services.AddHostedService(s => s.GetRequiredService<EngineGate>());
    }

    private bool IsDisabled(string function) =>
        Builder.Configuration[$"AzureWebJobs:{function}:Disabled"] is { } text && (text == "1" || text.Equals("true", StringComparison.OrdinalIgnoreCase)) ||
        Builder.Configuration.GetValue($"AzureWebJobs.{function}.Disabled", false);

    private static void Announce(WebApplication app, HostJsonReading hostJson, HostState state)
    {
        ILogger logger = app.Services.GetRequiredService<ILogger<EmbeddedHost>>();
        foreach (string error in state.Errors)
            HostLog.CannotRun(logger, error);
        if (hostJson.Ignored.Count > 0)
            HostLog.Ignored(logger, string.Join(", ", hostJson.Ignored));
        IEnumerable<IGrouping<FunctionKind, FunctionEntry>> kinds = app.Services.GetRequiredService<FunctionCatalog>().Functions.GroupBy(f => f.Kind);
        HostLog.Found(logger, string.Join(", ", kinds.OrderBy(k => k.Key).Select(k => $"{k.Count()} {k.Key}")));
    }
}
