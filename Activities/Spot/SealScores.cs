using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>Merges the parts of a slot's scores into its score file. A missing part's questions are unknown. Safe to run twice.</summary>
public sealed class SealScores(SpotFiles files)
{
    [Function(nameof(SealScores))]
    public async Task<int> RunAsync([ActivityTrigger] SlotWork work, CancellationToken cancellationToken)
    {
        SlotTime slot = SlotTime.Parse(work.Slot);
        List<ZoneScore> rows = [];
        List<Unknown> unknown = [];
        List<AccountUse> uses = [];
        int asked = 0;
        foreach (ScorePart part in work.Parts)
        {
            if (await files.ReadScoresAsync(SpotKeys.ScorePart(slot, work.Capacity, part.Number), cancellationToken) is not { } read)
            {
                Workload workload =
                    await files.ReadWorkloadAsync(DateOnly.ParseExact(work.WorkloadDay, "yyyy-MM-dd"), cancellationToken)
                    ?? throw new WorkloadMissingException(slot.Day);
                unknown.AddRange(
                    workload
                        .Queries.Skip(part.First)
                        .Take(part.Count)
                        .SelectMany(query =>
                            query.Regions.Select(region => new Unknown(
                                region,
                                query.InstanceType,
                                "its part of the questions was not asked"
                            ))
                        )
                );
                continue;
            }

            rows.AddRange(read.Rows);
            unknown.AddRange(read.Header.Unknown);
            uses.AddRange(read.Header.Accounts ?? []);
            asked += read.Header.Asked;
        }

        await files.WriteScoresAsync(
            SpotKeys.Scores(slot, work.Capacity),
            slot,
            work.Capacity,
            rows,
            unknown,
            uses,
            asked,
            cancellationToken
        );
        return rows.Count;
    }
}
