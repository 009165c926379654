using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>An ended workload run.</summary>
public sealed record WorkloadEnd(WorkloadRun Run, WorkloadReceipt? Receipt, string? Error);

/// <summary>Closes a workload run in the ledger, drops old history, and notifies when packing failed. Safe to run twice.</summary>
public sealed class FinishWorkload(
    RunLedger ledger,
    NotificationOutbox outbox,
    MarketHistory history,
    SpotOptions options,
    TimeProvider clock
)
{
    [Function(nameof(FinishWorkload))]
    public async Task RunAsync([ActivityTrigger] WorkloadEnd end, CancellationToken cancellationToken)
    {
        PartitionOutcome outcome = new(
            end.Run.Request.Day,
            end.Receipt?.Queries ?? 0,
            end.Receipt?.Zones ?? 0,
            end.Receipt?.UnknownRegions.Count ?? 0,
            0,
            end.Error
        );
        RunStatistics statistics = await ledger.FinishAsync(
            end.Run.RunId,
            [outcome],
            end.Receipt is { WasThere: true } ? 1 : 0,
            end.Error,
            cancellationToken
        );
        if (end.Error is not null)
            await outbox.AddRunAsync(statistics, cancellationToken);
        else if (options.HistoryDays > 0)
            await history.PruneAsync(clock.GetUtcNow().UtcDateTime.AddDays(-options.HistoryDays), cancellationToken);
    }
}
