using Durable.Host.Hosting;
using Durable.Host.Store;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Durable.Host.Engine;

/// <summary>
/// Delays the start of HTTP until the engine has joined its hub, for a few seconds at most: without a database the host answers 503, and
/// serves as soon as the engine has joined. Functions handle later outages themselves; <c>/readyz</c> reports them.
/// </summary>
/// <remarks>Register after the engine and before the server starts.</remarks>
internal sealed class EngineGate(DurableEngine engine, HostLease lease, StoreHealth health, HostState state) : IHostedService, IHealthCheck
{
    /// <summary>Name of this part in answers.</summary>
    public const string Part = "engine";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (await Task.WhenAny(engine.Ready, Task.Delay(Patience, cancellationToken)) == engine.Ready)
            return;
        state.Fail(Part, $"The engine has not reached its database yet. {health.Reason ?? "It keeps trying."}");
        _ = RecoverAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Never waits. The reason contains no secret.</summary>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        string? reason =
            health.Reason is { } outage ? outage
            : !engine.Ready.IsCompletedSuccessfully ? "has not joined its hub yet"
            : !lease.Holds ? "has lost its lease: the database does not answer"
            : null;
        return Task.FromResult(reason is null ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(reason));
    }

    private async Task RecoverAsync()
    {
        await engine.Ready;
        state.Recover(Part);
    }
}
