using Durable.Activities.Operations;
using Durable.Operations.Ledger;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Shared;

/// <summary>A batch ended with failed partitions, or could not start.</summary>
public sealed class BatchFailedException(string message) : Exception(message);

/// <summary>Runs the partitions of a batch in lanes, reports progress, and closes the run.</summary>
internal static class Lanes
{
    /// <summary>Fills all of <paramref name="work"/>, <paramref name="lanes"/> at a time. A failure becomes an outcome and does not stop
    /// the batch.</summary>
    public static async Task<IReadOnlyList<PartitionOutcome>> DrainAsync<TWork>(
        TaskOrchestrationContext context,
        string kind,
        string runId,
        IReadOnlyList<TWork> work,
        int lanes,
        Func<TWork, IReadOnlyList<string>> keys,
        Func<TWork, Task<IReadOnlyList<PartitionOutcome>>> fill
    )
    {
        Queue<TWork> waiting = new(work);
        List<PartitionOutcome> outcomes = [];
        int total = work.Sum(item => keys(item).Count);
        Report();
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(_ => LaneAsync()));
        return outcomes;

        // No lock: an orchestrator's continuations run one at a time, in history order, so a replay deals the same work to the same lanes.
        async Task LaneAsync()
        {
            while (waiting.TryDequeue(out TWork? item))
            {
                outcomes.AddRange(await FillAsync(item));
                Report();
            }
        }

        async Task<IReadOnlyList<PartitionOutcome>> FillAsync(TWork item)
        {
            try
            {
                return await fill(item);
            }
            catch (TaskFailedException error)
            {
                PartitionOutcome[] failed =
                [
                    .. keys(item).Select(key => new PartitionOutcome(key, 0, 0, 0, 0, error.FailureDetails.ErrorMessage)),
                ];
                await context.CallActivityAsync(
                    nameof(RecordPartitionFailure),
                    new PartitionFailures(kind, runId, failed),
                    Retries.Standard
                );
                return failed;
            }
        }

        void Report() =>
            context.SetCustomStatus(
                new
                {
                    done = outcomes.Count(outcome => outcome.Succeeded),
                    failed = outcomes.Count(outcome => !outcome.Succeeded),
                    total,
                    rows = outcomes.Sum(outcome => outcome.Rows),
                    values = outcomes.Sum(outcome => outcome.Values),
                    fallbacks = outcomes.Sum(outcome => outcome.Fallbacks),
                }
            );
    }

    /// <summary>Closes the run, sends notifications, and fails if a partition failed.</summary>
    public static async Task<RunStatistics> FinishAsync(
        TaskOrchestrationContext context,
        string runId,
        IReadOnlyList<PartitionOutcome> outcomes,
        int skipped
    )
    {
        RunStatistics statistics = await context.CallActivityAsync<RunStatistics>(
            nameof(FinishRun),
            new RunToFinish(runId, outcomes, skipped),
            Retries.Standard
        );
        await context.CallActivityAsync<int>(nameof(DeliverNotifications), Retries.Standard);
        return statistics.Failed == 0
            ? statistics
            : throw new BatchFailedException(
                $"{statistics.Failed} of {statistics.Total} {statistics.Kind} partitions failed, first {statistics.Failures[0].Key}: "
                    + $"{statistics.Failures[0].Error} Start again to do the failed ones only."
            );
    }
}
