using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>An ended slot.</summary>
/// <param name="OldWorkload">Day of the questions, when it is not the slot's own.</param>
/// <param name="Error">What went wrong; null when nothing did.</param>
public sealed record SlotEnd(SlotRun Run, SlotResult? Result, string? OldWorkload, string? Error);

/// <summary>Closes the run in the ledger and adds notifications to the outbox: failures, the first success after one, and once a day what
/// was unknown. Safe to run twice.</summary>
public sealed class FinishSlot(RunLedger ledger, NotificationOutbox outbox, SlotTable slots, Partitions partitions)
{
    [Function(nameof(FinishSlot))]
    public async Task RunAsync([ActivityTrigger] SlotEnd end, CancellationToken cancellationToken)
    {
        string slot = end.Run.Request.Slot;
        SlotResult? result = end.Result;
        PartitionOutcome outcome = new(
            slot,
            (result?.Changed ?? 0) + (result?.Removed ?? 0),
            result?.Rows ?? 0,
            result?.Carried ?? 0,
            0,
            end.Error
        );
        RunStatistics statistics = await ledger.FinishAsync(
            end.Run.RunId,
            [outcome],
            skipped: result?.State == SlotEnding.Present ? 1 : 0,
            end.Error,
            cancellationToken
        );
        if (end.Error is not null)
        {
            await slots.FailedAsync(end.Run.Slot, end.Error, cancellationToken);
            if (await slots.ReadAsync(end.Run.Slot, cancellationToken) is not { State: SlotState.Present })
                await partitions.RecordFailedAsync(SlotStore.Kind, end.Run.RunId, [outcome], cancellationToken);
            await outbox.AddRunAsync(statistics, cancellationToken);
            return;
        }

        if (await slots.LastNewsWasFailureAsync(cancellationToken))
            await outbox.AddRunAsync(statistics, cancellationToken);
        string day = slot[..10];
        foreach (string source in result?.Sources ?? [])
            await outbox.AddAsync(
                $"spot-unknown:{day}:{source[..source.IndexOf(':')]}",
                NotificationEvent.GateFailed,
                $"spot {slot}: {source[..source.IndexOf(':')]} incomplete",
                $"{source}. Rows there keep their last value.",
                cancellationToken
            );
        if (end.OldWorkload is { } old)
            await outbox.AddAsync(
                $"spot-workload:{day}",
                NotificationEvent.GateFailed,
                $"spot {day}: questions of {old}",
                $"The workload of {day} was not packed; slots ask the questions of {old}.",
                cancellationToken
            );
        if (result is { Rejected: > 0 })
            await outbox.AddAsync(
                $"spot-rejected:{slot}",
                NotificationEvent.GateFailed,
                $"spot {slot}: {result.Rejected} records refused",
                "A sink refused records for good; they lie under dead-letter/ in the bucket.",
                cancellationToken
            );
    }
}
