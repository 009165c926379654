using Durable.Activities.Spot;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Spot;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Spot;

/// <summary>Slots of a backfill failed; the others are in place.</summary>
public sealed class SlotsFailedException(string message) : Exception(message);

/// <summary>Fills the missing slots of a range that have raw files, one after the other, oldest first.</summary>
public static class SpotBackfill
{
    private static readonly TaskOptions Retry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(5, TimeSpan.FromSeconds(2), backoffCoefficient: 2) { HandleFailure = Retries.IsTransient }
    );

    /// <exception cref="SlotsFailedException">Some slots failed; the same range again runs only those.</exception>
    [Function(nameof(SpotBackfill))]
    public static async Task<SpotBackfillResult> RunAsync(
        [OrchestrationTrigger] TaskOrchestrationContext context,
        SpotBackfillRequest request
    )
    {
        BackfillWork work = await context.CallActivityAsync<BackfillWork>(nameof(ListGaps), request, Retry);
        List<SlotOutcome> outcomes = [];
        int failed = 0;
        foreach (string slot in work.Slots)
        {
            context.SetCustomStatus(
                new
                {
                    phase = slot,
                    done = outcomes.Count - failed,
                    failed,
                    total = work.Slots.Count,
                }
            );
            SlotOutcome outcome = await FillAsync(context, new SlotRequest(slot));
            outcomes.Add(outcome);
            if (outcome.Error is not null)
                failed++;
        }

        string first = string.Join(
            "; ",
            outcomes.Where(outcome => outcome.Error is not null).Take(3).Select(outcome => $"{outcome.Slot}: {outcome.Error}")
        );
        return failed == 0
            ? new SpotBackfillResult(work.Total, work.Present, outcomes.Count, 0, work.Lost, outcomes)
            : throw new SlotsFailedException($"{failed} of {work.Slots.Count} slots failed: {first}");
    }

    private static async Task<SlotOutcome> FillAsync(TaskOrchestrationContext context, SlotRequest request)
    {
        try
        {
            // The slot's own id: a slot also started elsewhere is not run twice; it fails here and is named.
            SlotResult result = await context.CallSubOrchestratorAsync<SlotResult>(
                nameof(SpotSlot),
                request,
                new SubOrchestrationOptions(instanceId: request.InstanceId)
            );
            return new SlotOutcome(request.Slot, result.State);
        }
        catch (TaskFailedException error)
        {
            return new SlotOutcome(request.Slot, SlotEnding.Failed, error.FailureDetails.ErrorMessage);
        }
    }
}
