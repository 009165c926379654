using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Planning;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;

namespace Durable.Orchestrations.Climate;

/// <summary>Results of the two batches of a year.</summary>
public sealed record AnnualStatistics(RunStatistics Probability, RunStatistics Hazard);

/// <summary>P(H), then H. H starts once P's gate has passed, however long that takes, and never if P failed.</summary>
public static class AnnualBatch
{
    [Function(nameof(AnnualBatch))]
    public static async Task<AnnualStatistics> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, ClimateRequest request)
    {
        context.SetCustomStatus(new { phase = nameof(ProbabilityBatch) });
        RunStatistics probability = await context.CallSubOrchestratorAsync<RunStatistics>(
            nameof(ProbabilityBatch),
            request with
            {
                PlanHash = null,
            }
        );

        context.SetCustomStatus(new { phase = nameof(HazardBatch) });
        RunStatistics hazard = await context.CallSubOrchestratorAsync<RunStatistics>(
            nameof(HazardBatch),
            request with
            {
                PlanHash = null,
                AfterProbability = false,
                Backup = false,
            }
        );
        return new AnnualStatistics(probability, hazard);
    }
}
