using Durable.Activities.Operations;
using Durable.Activities.Spot;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Spot;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Spot;

/// <summary>Packs the questions of a day. When it fails, that day's slots ask the previous day's questions, with a notification.</summary>
public static class SpotWorkload
{
    private static readonly TaskOptions Retry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(4, TimeSpan.FromSeconds(5), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromMinutes(1))
        {
            HandleFailure = Retries.IsTransient,
        }
    );

    [Function(nameof(SpotWorkload))]
    public static async Task<WorkloadReceipt> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, WorkloadRequest request)
    {
        WorkloadRun run = new(RunLedger.RunId(context.InstanceId, context.CurrentUtcDateTime), context.InstanceId, request);
        return await Closing.RunAsync(context, run.RunId, PackAsync, error => EndAsync(context, new WorkloadEnd(run, null, error)));

        async Task<WorkloadReceipt> PackAsync()
        {
            WorkloadReceipt receipt = await context.CallActivityAsync<WorkloadReceipt>(nameof(PackWorkload), run, Retry);
            await EndAsync(context, new WorkloadEnd(run, receipt, null));
            return receipt;
        }
    }

    private static async Task EndAsync(TaskOrchestrationContext context, WorkloadEnd end)
    {
        await context.CallActivityAsync(nameof(FinishWorkload), end, Retry);
        await context.CallActivityAsync<int>(nameof(DeliverNotifications), Retry);
    }
}
