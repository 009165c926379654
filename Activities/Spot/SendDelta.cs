using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Sinks;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>Sends a staged delta to every sink besides PostgreSQL, before it is committed. Safe to run twice: the delta is the
/// same.</summary>
/// <returns>Records that a sink refused for good; they are kept as dead letters.</returns>
public sealed class SendDelta(SlotStore store, SlotTable slots, IEnumerable<ISpotSink> sinks)
{
    [Function(nameof(SendDelta))]
    public async Task<int> RunAsync([ActivityTrigger] string slotText, CancellationToken cancellationToken)
    {
        SlotTime slot = SlotTime.Parse(slotText);
        ISpotSink[] on = [.. sinks.Where(sink => sink.IsOn)];
        if (on.Length == 0 || await store.ReadStagedAsync(slot, cancellationToken) is not { } staged)
            return 0;
        int rejected = 0;
        foreach (ISpotSink sink in on)
            rejected += await sink.SendAsync(slot, staged.Changes, cancellationToken);
        await slots.RejectedAsync(slot, rejected, cancellationToken);
        return rejected;
    }
}
