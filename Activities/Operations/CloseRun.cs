using Durable.Operations;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>A run whose steps, the closing one too, failed for good.</summary>
/// <param name="Reason">The first error.</param>
public sealed record RunToClose(string RunId, string Reason);

/// <summary>Closes a run as failed when the step that should have closed it could not, lets go of its claims, and puts the news into the
/// outbox.</summary>
/// <remarks>Safe to run twice. A run that is closed already stays as it is, and one that was never opened is none.</remarks>
public sealed class CloseRun(RunLedger ledger, NotificationOutbox outbox)
{
    [Function(nameof(CloseRun))]
    public async Task RunAsync([ActivityTrigger] RunToClose run, CancellationToken cancellationToken)
    {
        if (await ledger.CloseFailedAsync(run.RunId, run.Reason, cancellationToken) is { } kind)
            await outbox.AddAsync(
                $"{run.RunId}:{NotificationEvent.Failed.Text()}",
                NotificationEvent.Failed,
                $"{kind} failed",
                $"Run {run.RunId}: {run.Reason}",
                cancellationToken
            );
    }
}
