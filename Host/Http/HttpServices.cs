using Durable.Host.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Http;

/// <summary>Registers and maps the HTTP side of the host.</summary>
internal static class HttpServices
{
    /// <summary>Adds HTTP functions, keys, the admin API and health. MVC core is only there for its results; JSON is camelCase.</summary>
    /// <param name="routePrefix">host.json's <c>extensions.http.routePrefix</c>.</param>
    /// <param name="keyFile">Full path of the file that keeps generated keys.</param>
    public static IServiceCollection AddHttpFunctions(this IServiceCollection services, string routePrefix, string keyFile)
    {
        services.AddMvcCore();
        services.AddLogging(logging =>
            logging
                .AddFilter("Microsoft.AspNetCore", LogLevel.Warning)
                .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning) // it would log every URL with its ?code=
                .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None)
        ); // it would log each probe during an outage; the engine logs the outage
        services.AddRouting();
        services.AddHealthChecks();
        services.AddHttpContextAccessor();
        services.TryAddSingleton<HostState>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<MatcherPolicy, VerbMatcherPolicy>());
        services.AddSingleton<ManualCalls>();
        services.AddHostedService(s => s.GetRequiredService<ManualCalls>());
        return services
            .AddSingleton(new HostRoutes(routePrefix.Trim('/')))
            .AddSingleton(s => new HostKeys(s.GetRequiredService<IConfiguration>(), keyFile))
            .AddSingleton<KeyGate>()
            .AddSingleton<LinkHosts>()
            .AddSingleton<HttpFunctions>()
            .AddSingleton<AdminApi>();
    }

    /// <summary>Server limits and headers as on the Functions host.</summary>
    public static IWebHostBuilder UseHostLimits(this IWebHostBuilder web) =>
        web.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = HttpLimits.BodyBytes;
        });

    /// <summary>Maps functions, admin API and health; a host that is not running answers 503 to all but the last two.</summary>
    public static WebApplication UseHttpFunctions(this WebApplication app)
    {
        HostState state = app.Services.GetRequiredService<HostState>();
        app.Use((http, next) => state.IsRunning || IsAlwaysServed(http.Request.Path) ? next(http) : RefuseAsync(http));
        app.Services.GetRequiredService<HostKeys>().Prepare();
        LinkHosts hosts = app.Services.GetRequiredService<LinkHosts>();
        app.Use(
            (http, next) =>
            {
                hosts.Apply(http);
                return next(http);
            }
        );
        app.UseRouting();
        string prefix = app.Services.GetRequiredService<HostRoutes>().Prefix;
        HttpFunctions.Map(app, prefix);
        AdminApi.Map(app);
        TimersApi.Map(app);
        HealthApi.Map(app);
        app.Map("/", http => http.Response.WriteAsync("Your durable host is up and running.", http.RequestAborted))
            .WithMetadata(new EndpointVerbs(["GET", "HEAD"]))
            .WithOrder(int.MaxValue); // a function at the root goes first
        return app;
    }

    private static bool IsAlwaysServed(PathString path) =>
        path.StartsWithSegments("/admin") || path.Equals("/healthz") || path.Equals("/readyz") || path.Equals("/");

    private static Task RefuseAsync(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync("Function host is not running.", http.RequestAborted);
    }
}
