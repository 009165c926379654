using Durable.Operations.Plans;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>The work of a backfill.</summary>
/// <param name="Slots">Slots with raw files, in order.</param>
/// <param name="Lost">Slots without: they stay missing.</param>
public sealed record BackfillWork(int Total, int Present, int Lost, IReadOnlyList<string> Slots);

/// <summary>Finds the slots of a range that are missing and can be filled. Changes nothing.</summary>
/// <exception cref="PlanStaleException">The named plan is stale; permanent.</exception>
public sealed class ListGaps(GapFinder gaps, PlanStore plans)
{
    [Function(nameof(ListGaps))]
    public async Task<BackfillWork> RunAsync([ActivityTrigger] SpotBackfillRequest request, CancellationToken cancellationToken)
    {
        (Plan plan, GapReport report) = await gaps.PlanAsync(SlotTime.Parse(request.From), SlotTime.Parse(request.To), cancellationToken);
        await plans.CheckAsync(request.PlanHash, plan, cancellationToken);
        return new BackfillWork(
            report.Slots,
            report.Present,
            report.Gaps.Count - report.CanBeFilled,
            [.. report.Gaps.Where(gap => gap.CanBeFilled).Select(gap => gap.Slot)]
        );
    }
}
