using Durable.Operations.Ledger;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Functions.Operations;

/// <summary>Deletes ledger rows and notifications older than the settings <c>Retention__…</c> allow, every night.</summary>
public sealed class RetentionTimer(LedgerRetention retention)
{
    [Function("ApplyRetention")]
    public Task<RetentionRound> TickAsync([TimerTrigger("0 40 3 * * *")] TimerInfo timer, CancellationToken cancellationToken) =>
        retention.ApplyAsync(cancellationToken);
}
