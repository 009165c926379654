using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>Reads interruption frequencies and writes the slot's file. Available only at the time: later they are unknown everywhere. Safe
/// to run twice.</summary>
public sealed class CollectInterruptions(AdvisorCollector advisor, SpotFiles files, TimeProvider clock)
{
    [Function(nameof(CollectInterruptions))]
    public async Task<int> RunAsync([ActivityTrigger] SlotWork work, CancellationToken cancellationToken)
    {
        SlotTime slot = SlotTime.Parse(work.Slot);
        if (await files.ReadInterruptionsAsync(slot, cancellationToken) is { } there)
            return there.Rows.Count;
        Feed<InterruptionRate> feed =
            clock.GetUtcNow().UtcDateTime < work.DeadlineUtc
                ? await advisor.CollectAsync(work.DeadlineUtc, cancellationToken)
                : new Feed<InterruptionRate>([], [new Unknown(null, null, ScoreCollector.TooLate)]);
        await files.WriteInterruptionsAsync(slot, feed, cancellationToken);
        return feed.Rows.Count;
    }
}
