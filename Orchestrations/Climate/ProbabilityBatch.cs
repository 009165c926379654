using Durable.Activities.Climate;
using Durable.Activities.Operations;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Shared;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Climate;

/// <summary>Computes P(H) and annual losses for every scenario × tile that is missing, failed, stale or forced.</summary>
public static class ProbabilityBatch
{
    /// <inheritdoc cref="HazardBatch.RunAsync"/>
    [Function(nameof(ProbabilityBatch))]
    public static async Task<RunStatistics> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, ClimateRequest request)
    {
        ClimateRun run = new(context.InstanceId, context.CurrentUtcDateTime, request);
        if (request.Backup)
            await context.CallActivityAsync<string>(nameof(BackupResults), ResultTables.Backup, Retries.Standard);
        return await Closing.RunAsync(context, run.RunId, FillAsync);

        async Task<RunStatistics> FillAsync()
        {
            ProbabilityWork work = await context.CallActivityAsync<ProbabilityWork>(nameof(BeginProbabilityRun), run, Retries.Standard);
            IReadOnlyList<PartitionOutcome> outcomes = await Lanes.DrainAsync(
                context,
                ProbabilityTable.Kind,
                run.RunId,
                work.Tasks,
                request.Workers,
                task => [task.Key],
                async task => [await context.CallActivityAsync<PartitionOutcome>(nameof(WriteProbabilityTile), task, Retries.Standard)]
            );
            return await Lanes.FinishAsync(context, run.RunId, outcomes, work.Skipped);
        }
    }
}
