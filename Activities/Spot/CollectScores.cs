using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>A part of a slot's questions.</summary>
public sealed record ScoreOrder(string Slot, int Capacity, string WorkloadDay, ScorePart Part, DateTime DeadlineUtc);

/// <summary>Asks a part of a slot's questions and writes the answers as a file of the part. An existing part is not asked again.</summary>
/// <returns>Questions answered.</returns>
public sealed class CollectScores(ScoreCollector collector, SpotFiles files, SlotTable slots, SpotOptions options)
{
    [Function(nameof(CollectScores))]
    public async Task<int> RunAsync([ActivityTrigger] ScoreOrder order, CancellationToken cancellationToken)
    {
        SlotTime slot = SlotTime.Parse(order.Slot);
        string key = SpotKeys.ScorePart(slot, order.Capacity, order.Part.Number);
        if (await files.ReadScoresAsync(key, cancellationToken) is { } there)
            return there.Header.Asked;

        Workload workload =
            await files.ReadWorkloadAsync(DateOnly.ParseExact(order.WorkloadDay, "yyyy-MM-dd"), cancellationToken)
            ?? throw new WorkloadMissingException(slot.Day);
        Rotation rotation = await slots.ReadRotationAsync(cancellationToken);
        IReadOnlyList<AssignedQuery> assigned = QuotaPlan.Assign(
            workload.Queries,
            order.Capacity,
            await slots.ReadAccountsAsync(slot.Utc, cancellationToken),
            options.AccountPool,
            rotation.AccountIndex,
            options.QueriesPerAccount
        );
        CollectedScores scores = await collector.CollectAsync(
            order.Capacity,
            [.. assigned.Skip(order.Part.First).Take(order.Part.Count)],
            order.DeadlineUtc,
            cancellationToken
        );
        await files.WriteScoresAsync(key, slot, order.Capacity, scores.Rows, scores.Unknown, scores.Uses, scores.Asked, cancellationToken);
        return scores.Asked;
    }
}
