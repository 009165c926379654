using Durable.Operations.Ledger;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>A run whose steps failed for good, including the closing one.</summary>
/// <param name="Reason">The first error.</param>
public sealed record RunToClose(string RunId, string Reason);

/// <summary>Closes a run as failed when its closing step could not, releases its claims, and adds a notification to the outbox.</summary>
/// <remarks>Safe to run twice. A run already closed stays unchanged; one never opened is ignored.</remarks>
public sealed class CloseRun(RunLedger ledger)
{
    [Function(nameof(CloseRun))]
    public Task RunAsync([ActivityTrigger] RunToClose run, CancellationToken cancellationToken) =>
        ledger.CloseFailedAsync(run.RunId, run.Reason, cancellationToken);
}
