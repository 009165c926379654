using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>Plans a slot and opens it in the ledger. Queries no source. Safe to run twice.</summary>
/// <exception cref="SpotOffException">No bucket is set; permanent.</exception>
/// <exception cref="SlotOverException">The slot has no raw files and its time is over; permanent.</exception>
/// <exception cref="WorkloadMissingException">There are no questions to ask.</exception>
/// <exception cref="PlanStaleException">The named plan is stale; permanent.</exception>
public sealed class BeginSlot(SlotPlanner planner, SlotTable slots, RunLedger ledger, PlanStore plans)
{
    [Function(nameof(BeginSlot))]
    public async Task<SlotWork> RunAsync([ActivityTrigger] SlotRun run, CancellationToken cancellationToken)
    {
        await ledger.BeginAsync(run.RunId, run.InstanceId, SlotStore.Kind, run.Request, run.Request.PlanHash, total: 1, cancellationToken);
        SlotWork work = await planner.PlanAsync(run.Slot, cancellationToken);
        await plans.CheckAsync(run.Request.PlanHash, SlotPlanner.AsPlan(work), cancellationToken);
        SlotRow row = await slots.BeginAsync(run.Slot, work.Capacity, run.RunId, cancellationToken);
        return work with { Capacity = row.Capacity };
    }
}
