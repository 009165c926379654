using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>A slot whose files are written.</summary>
public sealed record StageOrder(SlotRun Run, SlotWork Work);

/// <summary>Outcome of staging.</summary>
/// <param name="WaitsFor">Another staged slot that comes first.</param>
/// <param name="Sources">Sources that left something unknown.</param>
public sealed record Staged(string? WaitsFor, IReadOnlyList<string> Sources);

/// <summary>Merges a slot's files with the market before it and stages the delta. Safe to run twice: a staged delta stays
/// unchanged.</summary>
/// <exception cref="Durable.Operations.Ledger.DataGateException">Too many rows would vanish; nothing was staged; permanent.</exception>
/// <exception cref="RawFileException">A raw file is missing or broken; permanent.</exception>
public sealed class StageSlot(SlotStore store, SpotFiles files, SpotOptions options)
{
    [Function(nameof(StageSlot))]
    public async Task<Staged> RunAsync([ActivityTrigger] StageOrder order, CancellationToken cancellationToken)
    {
        SlotTime slot = order.Run.Slot;
        List<string> sources = [];
        StageOutcome outcome = await store.StageAsync(
            slot,
            order.Run.RunId,
            order.Run.Request.MaxRemovedShare ?? options.MaxRemovedShare,
            async () => await ReadAsync(slot, order.Work.Capacity, sources, cancellationToken),
            cancellationToken
        );
        return new Staged(outcome.WaitsFor?.Text, sources);
    }

    private async Task<(Observation Seen, RawHeader Scores)> ReadAsync(
        SlotTime slot,
        int capacity,
        List<string> sources,
        CancellationToken cancellationToken
    )
    {
        string key = SpotKeys.Scores(slot, capacity);
        (RawHeader header, List<ZoneScore> scores) =
            await files.ReadScoresAsync(key, cancellationToken) ?? throw new RawFileException($"{key} is not there.");
        Feed<InterruptionRate> interruptions =
            await files.ReadInterruptionsAsync(slot, cancellationToken)
            ?? throw new RawFileException($"{SpotKeys.Interruptions(slot)} is not there.");
        Feed<SpotQuote> spot =
            await files.ReadSpotPricesAsync(slot, cancellationToken)
            ?? throw new RawFileException($"{SpotKeys.SpotPrices(slot)} is not there.");
        Feed<OnDemandQuote> onDemand =
            await files.ReadOnDemandPricesOfAsync(slot, cancellationToken)
            ?? throw new RawFileException($"{SpotKeys.OnDemandPrices(slot.Day)} is not there.");
        Report("placement scores", header.Unknown);
        Report("interruptions", interruptions.Unknown);
        Report("spot prices", spot.Unknown);
        Report("on-demand prices", onDemand.Unknown);
        return (new Observation(capacity, new Feed<ZoneScore>(scores, header.Unknown), interruptions, spot, onDemand), header);

        void Report(string source, IReadOnlyList<Unknown> unknown)
        {
            if (unknown.Count == 0)
                return;
            string reasons = string.Join(
                "; ",
                unknown
                    .GroupBy(place => place.Reason)
                    .OrderByDescending(reason => reason.Count())
                    .Take(3)
                    .Select(reason => $"{reason.Count()} × {reason.Key}")
            );
            sources.Add(
                $"{source}: {(unknown.Any(place => place.Region is null) ? "unknown everywhere" : $"{unknown.Count} unknown")} ({(reasons.Length > 300 ? reasons[..300] + "…" : reasons)})"
            );
        }
    }
}
