using Durable.Host.Hosting;
using Durable.Host.Http;
using Durable.Host.Store;
using Microsoft.Extensions.Hosting;

namespace Durable.Host.Engine;

/// <summary>
/// Holds the start of the HTTP side until the engine has joined its hub, for a few seconds at most: with the database away the host answers 503 instead
/// of not at all, and serves as soon as the engine has joined. Later outages are the functions' own to meet; <c>/readyz</c> reports them.
/// </summary>
/// <remarks>Register after the engine and before the server starts.</remarks>
internal sealed class EngineGate(DurableEngine engine, HostLease lease, StoreHealth health, HostState state) : IHostedService, IReadiness
{
    private const string Part = "engine";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public string Name => Part;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (await Task.WhenAny(engine.Ready, Task.Delay(Patience, cancellationToken)) == engine.Ready)
            return;
        state.Fail(Part, $"The engine has not reached its database yet. {health.Reason ?? "It keeps trying."}");
        _ = RecoverAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask<string?> CheckAsync(CancellationToken cancellation) => new(
        health.Reason is { } reason ? reason
        : !engine.Ready.IsCompletedSuccessfully ? "has not joined its hub yet"
        : !lease.Holds ? "has lost its lease: the database does not answer"
        : null);

    private async Task RecoverAsync()
    {
        await engine.Ready;
        state.Recover(Part);
    }
}
