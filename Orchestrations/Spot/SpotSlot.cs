using Durable.Activities.Operations;
using Durable.Activities.Spot;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Spot;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Spot;

/// <summary>One ten-minute slot: ask the sources in parallel, merge with the published market, stage the delta, send it, commit it, publish
/// latest.</summary>
/// <remarks>Each step leaves its result in the bucket or the record and finds it again, so a restarted slot continues where it
/// ended.</remarks>
public static class SpotSlot
{
    private static readonly TaskOptions Retry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(5, TimeSpan.FromSeconds(2), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromSeconds(30))
        {
            HandleFailure = Retries.IsTransient,
        }
    );

    // Sources wait by themselves, up to the end of the slot's time; a second call is for a dead host.
    private static readonly TaskOptions Once = TaskOptions.FromRetryPolicy(
        new RetryPolicy(2, TimeSpan.FromSeconds(1)) { HandleFailure = Retries.IsTransient }
    );

    private static readonly TaskOptions Briefly = TaskOptions.FromRetryPolicy(
        new RetryPolicy(2, TimeSpan.FromSeconds(2))
        {
            HandleFailure = failure => Retries.IsTransient(failure) && !failure.IsCausedBy<WorkloadMissingException>(),
        }
    );

    /// <exception cref="TaskFailedException">A step failed for good. Nothing was committed; the raw files stay.</exception>
    [Function(nameof(SpotSlot))]
    public static async Task<SlotResult> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, SlotRequest request)
    {
        SlotRun run = new(RunLedger.RunId(context.InstanceId, context.CurrentUtcDateTime), context.InstanceId, request);
        string? oldWorkload = null;
        return await Closing.RunAsync(
            context,
            run.RunId,
            FillAsync,
            error => EndAsync(context, new SlotEnd(run, null, oldWorkload, error))
        );

        async Task<SlotResult> FillAsync()
        {
            Report(context, request, "planning");
            SlotWork work = await BeginAsync(context, run);
            oldWorkload = work.UsesOldWorkload ? work.WorkloadDay : null;
            SlotResult result;
            if (work.IsPresent)
            {
                result = await context.CallActivityAsync<SlotResult>(nameof(CommitSlot), request.Slot, Retry) with
                {
                    State = SlotEnding.Present,
                };
            }
            else
            {
                await CollectAsync(context, work);
                result = await StoreAsync(context, run, work);
            }

            await EndAsync(context, new SlotEnd(run, result, oldWorkload, null));
            Report(context, request, result.State.ToString());
            return result;
        }
    }

    /// <summary>The first slot ever has no questions yet: it packs a day's.</summary>
    private static async Task<SlotWork> BeginAsync(TaskOrchestrationContext context, SlotRun run)
    {
        try
        {
            return await context.CallActivityAsync<SlotWork>(nameof(BeginSlot), run, Briefly);
        }
        catch (TaskFailedException error) when (error.FailureDetails.IsCausedBy<WorkloadMissingException>())
        {
            Report(context, run.Request, "packing questions");
            WorkloadRequest today = new(run.Request.Slot[..10]);
            await context.CallSubOrchestratorAsync<WorkloadReceipt>(nameof(SpotWorkload), today);
            return await context.CallActivityAsync<SlotWork>(nameof(BeginSlot), run, Briefly);
        }
    }

    private static async Task CollectAsync(TaskOrchestrationContext context, SlotWork work)
    {
        Queue<ScorePart> waiting = new(work.Parts);
        int parts = 0,
            asked = 0;
        Report(context, work, "collecting", parts, asked);
        List<Task> sources = [ScoresAsync()];
        if (work.NeedsInterruptions)
            sources.Add(context.CallActivityAsync<int>(nameof(CollectInterruptions), work, Retry));
        if (work.NeedsSpotPrices)
            sources.Add(context.CallActivityAsync<int>(nameof(CollectSpotPrices), work, Retry));
        if (work.NeedsOnDemandPrices)
            sources.Add(context.CallActivityAsync<int>(nameof(CollectOnDemandPrices), work, Retry));
        await Task.WhenAll(sources);

        async Task ScoresAsync()
        {
            if (work.Parts.Count == 0)
                return;
            await Task.WhenAll(Enumerable.Range(0, work.Lanes).Select(_ => LaneAsync()));
            await context.CallActivityAsync<int>(nameof(SealScores), work, Retry);
        }

        // No lock: an orchestrator's continuations run one at a time, in history order.
        async Task LaneAsync()
        {
            while (waiting.TryDequeue(out ScorePart? part))
            {
                try
                {
                    asked += await context.CallActivityAsync<int>(
                        nameof(CollectScores),
                        new ScoreOrder(work.Slot, work.Capacity, work.WorkloadDay, part, work.DeadlineUtc),
                        Once
                    );
                }
                catch (TaskFailedException)
                {
                    // The part's questions are unknown; the other parts count.
                }

                Report(context, work, "collecting", ++parts, asked);
            }
        }
    }

    /// <summary>Stages, sends and commits. A slot that another run left staged comes first: this slot's delta is computed from
    /// it.</summary>
    private static async Task<SlotResult> StoreAsync(TaskOrchestrationContext context, SlotRun run, SlotWork work)
    {
        Report(context, run.Request, "merging");
        Staged staged = await context.CallActivityAsync<Staged>(nameof(StageSlot), new StageOrder(run, work), Retry);
        while (staged.WaitsFor is { } other)
        {
            await CommitAsync(context, other);
            staged = await context.CallActivityAsync<Staged>(nameof(StageSlot), new StageOrder(run, work), Retry);
        }

        Report(context, run.Request, "storing");
        SlotResult result = await CommitAsync(context, run.Request.Slot);
        Report(context, run.Request, "publishing");
        await context.CallActivityAsync<bool>(nameof(PublishLatest), run.Request.Slot, Retry);
        return result with { Sources = staged.Sources };
    }

    private static async Task<SlotResult> CommitAsync(TaskOrchestrationContext context, string slot)
    {
        await context.CallActivityAsync<int>(nameof(SendDelta), slot, Retry);
        return await context.CallActivityAsync<SlotResult>(nameof(CommitSlot), slot, Retry);
    }

    private static async Task EndAsync(TaskOrchestrationContext context, SlotEnd end)
    {
        await context.CallActivityAsync(nameof(FinishSlot), end, Retry);
        await context.CallActivityAsync<int>(nameof(DeliverNotifications), Retry);
    }

    private static void Report(TaskOrchestrationContext context, SlotRequest request, string phase) =>
        context.SetCustomStatus(new { phase, request.Slot });

    private static void Report(TaskOrchestrationContext context, SlotWork work, string phase, int done, int asked) =>
        context.SetCustomStatus(
            new
            {
                phase,
                work.Slot,
                work.Capacity,
                done,
                failed = 0,
                total = work.Parts.Count,
                asked,
            }
        );
}
