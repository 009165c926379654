using Durable.Host.Configuration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Durable.Host.Telemetry;

/// <summary>Sends traces and metrics to an OpenTelemetry collector, when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set; else costs
/// nothing.</summary>
/// <remarks>The other standard settings apply too: <c>OTEL_EXPORTER_OTLP_PROTOCOL</c> (<c>grpc</c>, the default, or <c>http/protobuf</c>),
/// <c>OTEL_EXPORTER_OTLP_HEADERS</c>, <c>OTEL_SERVICE_NAME</c>, <c>OTEL_TRACES_SAMPLER</c>, <c>OTEL_SDK_DISABLED</c> … host.json's
/// <c>tracing.distributedTracingEnabled: false</c> omits the spans of orchestrations, activities and timers. At the host's end, sending the
/// rest takes at most five seconds.</remarks>
internal static class TelemetryExport
{
    /// <summary>The setting that enables the export.</summary>
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Adds the export; does nothing without its setting.</summary>
    public static IServiceCollection AddTelemetryExport(this IServiceCollection services, IConfiguration configuration, HostJson hostJson)
    {
        if (string.IsNullOrWhiteSpace(configuration[Endpoint]))
            return services;
        services
            .AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                if (string.IsNullOrWhiteSpace(configuration["OTEL_SERVICE_NAME"]))
                    resource.AddService("durable");
            })
            .WithTracing(tracing =>
            {
                tracing
                    .AddSource("Durable.*")
                    .AddHttpClientInstrumentation()
                    .AddAspNetCoreInstrumentation(options =>
                        options.Filter = http => http.Request.Path.Value is not ("/healthz" or "/readyz")
                    );
                if (hostJson.DistributedTracingEnabled)
                    tracing.AddSource(DurableTelemetry.SourceName);
            })
            .WithMetrics(metrics =>
                metrics
                    .AddMeter(DurableTelemetry.MeterName, "Durable.*")
                    .AddAspNetCoreInstrumentation()
                    .AddHttpClientInstrumentation()
                    .AddRuntimeInstrumentation()
                    .AddNpgsqlInstrumentation()
            )
            .UseOtlpExporter();
        return services;
    }
}
