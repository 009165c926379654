using Durable.Host.Configuration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Durable.Host.Telemetry;

/// <summary>Sends traces and metrics to an OpenTelemetry collector, when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where; else costs nothing.</summary>
/// <remarks>The other standard settings hold too: <c>OTEL_EXPORTER_OTLP_PROTOCOL</c> (<c>grpc</c>, the default, or <c>http/protobuf</c>),
/// <c>OTEL_EXPORTER_OTLP_HEADERS</c>, <c>OTEL_SERVICE_NAME</c>, <c>OTEL_TRACES_SAMPLER</c>, <c>OTEL_SDK_DISABLED</c> …
/// host.json's <c>tracing.distributedTracingEnabled: false</c> leaves out the spans of orchestrations, activities and timers.</remarks>
internal sealed class TelemetryExport(IConfiguration configuration, HostJson hostJson) : IHostedService, IDisposable
{
    /// <summary>The setting that turns the export on.</summary>
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private OpenTelemetrySdk? sdk;

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(configuration[Endpoint])) return Task.CompletedTask;
        sdk = OpenTelemetrySdk.Create(builder =>
        {
            builder.Services.AddSingleton(configuration);
            builder.ConfigureResource(resource =>
            {
                if (string.IsNullOrWhiteSpace(configuration["OTEL_SERVICE_NAME"])) resource.AddService("durable");
            });
            builder.WithTracing(tracing =>
            {
                tracing.AddSource("Durable.*", "Microsoft.AspNetCore", "System.Net.Http");
                if (hostJson.DistributedTracingEnabled) tracing.AddSource(DurableTelemetry.SourceName);
            });
            builder.WithMetrics(metrics => metrics.AddMeter(
                DurableTelemetry.MeterName, "Durable.*", "System.Runtime", "System.Net.Http", "Microsoft.AspNetCore.Hosting",
                "Microsoft.AspNetCore.Server.Kestrel", "Npgsql"));
            builder.UseOtlpExporter();
        });
        return Task.CompletedTask;
    }

    /// <summary>Sends what is still held, for at most five seconds.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            sdk?.TracerProvider.ForceFlush(5_000);
            sdk?.MeterProvider.ForceFlush(5_000);
        },
        CancellationToken.None);

    /// <inheritdoc />
    public void Dispose()
    {
        sdk?.Dispose();
        sdk = null;
    }
}

/// <summary>Registration.</summary>
internal static class TelemetryServices
{
    /// <summary>Adds the OpenTelemetry export. Harmless without its setting.</summary>
    public static IServiceCollection AddDurableTelemetry(this IServiceCollection services) => services.AddHostedService<TelemetryExport>();
}
