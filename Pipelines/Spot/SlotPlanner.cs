using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;

namespace Durable.Pipelines.Spot;

/// <summary>Plans what a slot still needs. Reads the bucket and the record; queries no source and changes nothing.</summary>
public sealed class SlotPlanner(SpotFiles files, SpotBucket bucket, SlotTable slots, SpotOptions options, TimeProvider clock)
{
    /// <summary>Largest age of an old workload, in days.</summary>
    private const int OldestWorkloadDays = 7;

    /// <summary>The plan of a run of the slot.</summary>
    /// <exception cref="SpotOffException">No bucket is set.</exception>
    /// <exception cref="SlotOverException">It is too late to ask, or too early.</exception>
    /// <exception cref="WorkloadMissingException">There are no questions to ask.</exception>
    public async Task<SlotWork> PlanAsync(SlotTime slot, CancellationToken cancellationToken = default)
    {
        if (!options.IsOn)
            throw new SpotOffException();
        SlotRow? row = await slots.ReadAsync(slot, cancellationToken);
        if (row is { State: not SlotState.Collecting })
            return new SlotWork(
                slot.Text,
                row.State == SlotState.Present,
                row.Capacity,
                slot.Text[..10],
                [],
                options.Lanes,
                false,
                false,
                false,
                slot.Utc
            );

        string? scores = (await bucket.ListAsync(SpotKeys.ScoresPrefix(slot), cancellationToken)).FirstOrDefault(key =>
            SpotKeys.CapacityOfScores(key) is not null
        );
        DateTime now = clock.GetUtcNow().UtcDateTime;
        if (scores is null)
        {
            if (now < slot.Utc.AddMinutes(-1))
                throw new SlotOverException(slot, "has not started");
            if (now >= slot.Utc + SlotTime.Length)
                throw new SlotOverException(slot, "its time is over");
        }

        Rotation rotation = await slots.ReadRotationAsync(cancellationToken);
        int capacity = scores is not null
            ? SpotKeys.CapacityOfScores(scores)!.Value
            : row?.Capacity ?? options.Ladder().At(rotation.CapacityIndex);
        Workload workload = await FindWorkloadAsync(slot.Day, cancellationToken);
        return new SlotWork(
            slot.Text,
            false,
            capacity,
            workload.Day.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture),
            scores is not null ? [] : PartsOf(workload.Queries.Count),
            options.Lanes,
            await files.ReadInterruptionsAsync(slot, cancellationToken) is null,
            await files.ReadSpotPricesAsync(slot, cancellationToken) is null,
            await bucket.ReadAsync(SpotKeys.OnDemandPrices(slot.Day), cancellationToken) is null,
            now < slot.Utc + SlotTime.Length ? now + options.SlotBudget : slot.Utc
        );
    }

    /// <summary>The same as a plan, to show and apply by its hash.</summary>
    public static Plan AsPlan(SlotWork work)
    {
        PlanReason reason =
            work.IsPresent ? PlanReason.Present
            : work.Parts.Count == 0 ? PlanReason.Failed
            : PlanReason.Missing;
        string options = FormattableString.Invariant(
            $"capacity {work.Capacity}, questions of {work.WorkloadDay}, {work.Parts.Sum(part => part.Count)} to ask{(work.NeedsInterruptions ? ", interruptions" : "")}{(work.NeedsSpotPrices ? ", spot prices" : "")}{(work.NeedsOnDemandPrices ? ", on-demand prices" : "")}"
        );
        Dictionary<string, PartitionRecord> ledger =
            reason == PlanReason.Missing
                ? []
                : new()
                {
                    [work.Slot] = new PartitionRecord(
                        work.Slot,
                        work.IsPresent ? PartitionState.Present : PartitionState.Failed,
                        "",
                        null,
                        null,
                        0
                    ),
                };
        return Plan.Make(SlotStore.Kind, options, [(work.Slot, [""])], ledger, work.Lanes, force: false);
    }

    /// <summary>The questions of a day, or of the newest earlier day that has some.</summary>
    public async Task<Workload> FindWorkloadAsync(DateOnly day, CancellationToken cancellationToken = default)
    {
        for (int back = 0; back <= OldestWorkloadDays; back++)
        {
            if (await files.ReadWorkloadAsync(day.AddDays(-back), cancellationToken) is { } workload)
                return workload;
        }

        throw new WorkloadMissingException(day);
    }

    private IReadOnlyList<ScorePart> PartsOf(int queries)
    {
        int size = options.QueriesPerPart;
        return
        [
            .. Enumerable
                .Range(0, (queries + size - 1) / size)
                .Select(number => new ScorePart(number, number * size, Math.Min(size, queries - (number * size)))),
        ];
    }
}
