using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>Reads the spot prices at the slot's time and writes its file. AWS keeps the price history for months, so a late run reads the
/// same. Safe to run twice.</summary>
public sealed class CollectSpotPrices(PriceCollector prices, SpotFiles files, SpotOptions options, TimeProvider clock)
{
    [Function(nameof(CollectSpotPrices))]
    public async Task<int> RunAsync([ActivityTrigger] SlotWork work, CancellationToken cancellationToken)
    {
        SlotTime slot = SlotTime.Parse(work.Slot);
        if (await files.ReadSpotPricesAsync(slot, cancellationToken) is { } there)
            return there.Rows.Count;
        Workload workload =
            await files.ReadWorkloadAsync(DateOnly.ParseExact(work.WorkloadDay, "yyyy-MM-dd"), cancellationToken)
            ?? throw new WorkloadMissingException(slot.Day);
        Feed<SpotQuote> feed = await prices.SpotAsync(
            workload.Regions,
            slot.Utc,
            clock.GetUtcNow().UtcDateTime + options.SlotBudget,
            cancellationToken
        );
        await files.WriteSpotPricesAsync(slot, feed, cancellationToken);
        return feed.Rows.Count;
    }
}

/// <summary>Reads the on-demand prices, once a day, and writes the day's file. Safe to run twice.</summary>
public sealed class CollectOnDemandPrices(PriceCollector prices, SpotFiles files, SpotOptions options, TimeProvider clock)
{
    [Function(nameof(CollectOnDemandPrices))]
    public async Task<int> RunAsync([ActivityTrigger] SlotWork work, CancellationToken cancellationToken)
    {
        SlotTime slot = SlotTime.Parse(work.Slot);
        if (await files.ReadOnDemandPricesAsync(slot.Day, cancellationToken) is { } there)
            return there.Rows.Count;
        Workload workload =
            await files.ReadWorkloadAsync(DateOnly.ParseExact(work.WorkloadDay, "yyyy-MM-dd"), cancellationToken)
            ?? throw new WorkloadMissingException(slot.Day);
        Feed<OnDemandQuote> feed = await prices.OnDemandAsync(
            workload.Regions,
            clock.GetUtcNow().UtcDateTime + options.SlotBudget,
            cancellationToken
        );

        // The file holds for the whole day, so a failed region is left to the next slot.
        if (feed.Unknown.Count == 0)
            await files.WriteOnDemandPricesAsync(slot.Day, feed, cancellationToken);
        else
            await files.WritePartialOnDemandPricesAsync(slot, feed, cancellationToken);
        return feed.Rows.Count;
    }
}
