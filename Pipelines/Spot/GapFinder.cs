using System.Globalization;
using Durable.Operations;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;

namespace Durable.Pipelines.Spot;

/// <summary>Finds slots missing from the history, why, and which can still be filled.</summary>
public sealed class GapFinder(SlotTable slots, SpotBucket bucket)
{
    /// <summary>Checks a range, both ends included.</summary>
    public async Task<GapReport> FindAsync(SlotTime from, SlotTime to, CancellationToken cancellationToken = default)
    {
        Dictionary<SlotTime, SlotRow> known = (await slots.ReadAsync(from, to, cancellationToken)).ToDictionary(row => row.Slot);
        SlotTime[] wanted = [.. from.To(to)];
        HashSet<SlotTime> scored = [];
        foreach (DateOnly day in wanted.Where(slot => !IsPresent(slot)).Select(slot => slot.Day).Distinct())
        {
            foreach (string key in await bucket.ListAsync(SpotKeys.ScoresFolder(day), cancellationToken))
            {
                if (SpotKeys.SlotOfScores(day, key) is { } slot)
                    scored.Add(slot);
            }
        }

        Gap[] gaps =
        [
            .. wanted.Where(slot => !IsPresent(slot)).Select(slot => GapOf(slot, known.GetValueOrDefault(slot), scored.Contains(slot))),
        ];
        return new GapReport(from.Text, to.Text, wanted.Length, wanted.Length - gaps.Length, gaps);

        bool IsPresent(SlotTime slot) => known.TryGetValue(slot, out SlotRow? row) && row.State == SlotState.Present;
    }

    /// <summary>The plan of a backfill of the range: present slots are skipped, lost ones are excluded.</summary>
    public async Task<(Plan Plan, GapReport Report)> PlanAsync(SlotTime from, SlotTime to, CancellationToken cancellationToken = default)
    {
        GapReport report = await FindAsync(from, to, cancellationToken);
        Dictionary<string, PartitionRecord> ledger = report
            .Gaps.Where(gap => gap.CanBeFilled)
            .ToDictionary(
                gap => gap.Slot,
                gap => new PartitionRecord(
                    gap.Slot,
                    gap.State == GapState.Failed ? PartitionState.Failed : PartitionState.Missing,
                    "",
                    gap.Reason,
                    null,
                    0
                )
            );
        Plan plan = Plan.Make(
            SlotStore.Kind,
            string.Create(CultureInfo.InvariantCulture, $"{from.Text} to {to.Text}, {report.Present} present"),
            [.. ledger.Keys.Order(StringComparer.Ordinal).Select(slot => (slot, (IReadOnlyList<string>)[""]))],
            ledger,
            lanes: 1,
            force: false
        );
        return (plan, report);
    }

    private static Gap GapOf(SlotTime slot, SlotRow? row, bool hasScores)
    {
        bool canBeFilled = hasScores || row?.State == SlotState.Staged;
        GapState state = row switch
        {
            null => GapState.Missing,
            { Error: not null } => GapState.Failed,
            { State: SlotState.Staged } => GapState.Staged,
            _ => GapState.Collecting,
        };
        string reason =
            row?.Error
            ?? (
                row is null
                    ? hasScores
                        ? "Never started here; its raw files exist."
                        : "Never started: nothing ran at the time."
                    : $"Left in state {row.State.Text()} by run {row.RunId}."
            );
        return new Gap(slot.Text, state, canBeFilled ? reason : reason + " No raw scores: it stays missing.", canBeFilled);
    }
}
