using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>Makes a staged slot part of the history: changes, latest, rotation, quota and partition in one transaction. Safe to run
/// twice.</summary>
public sealed class CommitSlot(SlotStore store, SpotMetrics metrics)
{
    [Function(nameof(CommitSlot))]
    public async Task<SlotResult> RunAsync([ActivityTrigger] string slotText, CancellationToken cancellationToken)
    {
        SlotRow row = await store.CommitAsync(SlotTime.Parse(slotText), cancellationToken);
        metrics.Record(row);
        return new SlotResult(
            slotText,
            row.IsLate ? SlotEnding.Late : SlotEnding.Stored,
            row.Capacity,
            row.IsLate,
            row.Asked,
            row.Rows,
            row.Changed,
            row.Removed,
            row.Carried,
            row.Rejected,
            []
        );
    }
}
