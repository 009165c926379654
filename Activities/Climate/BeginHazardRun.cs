using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>The work of a hazard run.</summary>
public sealed record HazardWork(string PlanHash, int Skipped, IReadOnlyList<HazardGroup> Groups);

/// <summary>Plans a hazard run, checks the plan's hash, claims its partitions and opens it in the ledger.</summary>
/// <remarks>Safe to run twice: the same run claims and opens the same again.</remarks>
/// <exception cref="PlanStaleException">The plan it names no longer matches.</exception>
/// <exception cref="PartitionsClaimedException">Another run works on some of the partitions.</exception>
public sealed class BeginHazardRun(ClimatePlanner planner, PlanStore plans, Partitions partitions, RunLedger ledger)
{
    [Function(nameof(BeginHazardRun))]
    public async Task<HazardWork> RunAsync([ActivityTrigger] ClimateRun run, CancellationToken cancellationToken)
    {
        Plan plan = await planner.PlanHazardAsync(run.Request, cancellationToken);
        await plans.CheckAsync(run.Request.PlanHash, plan, cancellationToken);
        IReadOnlyList<HazardGroup> groups = await planner.GroupAsync(run, plan, cancellationToken);
        await partitions.ClaimAsync(
            HazardTable.Kind,
            [.. plan.Partitions.Where(partition => partition.IsToFill).Select(partition => partition.Key)],
            run.RunId,
            cancellationToken
        );
        await ledger.BeginAsync(run.RunId, run.InstanceId, HazardTable.Kind, run.Request, plan.Hash, plan.ToFill, cancellationToken);
        return new HazardWork(plan.Hash, plan.Skipped, groups);
    }
}
