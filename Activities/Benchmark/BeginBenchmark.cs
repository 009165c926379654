using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Benchmark;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Benchmark;

/// <summary>Plans which models to run, checks the plan's hash, claims those models and opens the run in the ledger. Starts no
/// job.</summary>
/// <remarks>Safe to run twice.</remarks>
/// <exception cref="BenchmarkOffException">No bucket is set; permanent.</exception>
/// <exception cref="PlanStaleException">The plan is stale; permanent.</exception>
/// <exception cref="PartitionsClaimedException">Another run has some of the models; permanent.</exception>
public sealed class BeginBenchmark(BenchmarkPlanner planner, PlanStore plans, Partitions partitions, RunLedger ledger)
{
    [Function(nameof(BeginBenchmark))]
    public async Task<SuiteWork> RunAsync([ActivityTrigger] BenchmarkRun run, CancellationToken cancellationToken)
    {
        SuitePlan plan = await planner.PlanAsync(run.Request, cancellationToken);
        await plans.CheckAsync(run.Request.PlanHash, plan.Plan, cancellationToken);
        await partitions.ClaimAsync(
            BenchmarkPlanner.Kind,
            [.. plan.Work.Models.Select(model => model.Model)],
            run.RunId,
            cancellationToken
        );
        await ledger.BeginAsync(
            run.RunId,
            run.InstanceId,
            BenchmarkPlanner.Kind,
            run.Request,
            run.Request.PlanHash ?? plan.Plan.Hash,
            plan.Work.Models.Count,
            cancellationToken
        );
        return plan.Work;
    }
}
