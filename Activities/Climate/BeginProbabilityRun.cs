using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Climate;

/// <summary>The work of a probability run.</summary>
public sealed record ProbabilityWork(string PlanHash, int Skipped, IReadOnlyList<ProbabilityTask> Tasks);

/// <summary>Plans a probability run, checks the plan's hash, claims its partitions and opens it in the ledger.</summary>
/// <inheritdoc cref="BeginHazardRun" path="/remarks"/>
/// <inheritdoc cref="BeginHazardRun" path="/exception"/>
public sealed class BeginProbabilityRun(ClimatePlanner planner, PlanStore plans, Partitions partitions, RunLedger ledger)
{
    [Function(nameof(BeginProbabilityRun))]
    public async Task<ProbabilityWork> RunAsync([ActivityTrigger] ClimateRun run, CancellationToken cancellationToken)
    {
        Plan plan = await planner.PlanProbabilityAsync(run.Request, cancellationToken);
        await plans.CheckAsync(run.Request.PlanHash, plan, cancellationToken);
        await partitions.ClaimAsync(
            ProbabilityTable.Kind,
            [.. plan.Partitions.Where(partition => partition.IsToFill).Select(partition => partition.Key)],
            run.RunId,
            cancellationToken
        );
        await ledger.BeginAsync(run.RunId, run.InstanceId, ProbabilityTable.Kind, run.Request, plan.Hash, plan.ToFill, cancellationToken);
        return new ProbabilityWork(plan.Hash, plan.Skipped, ClimatePlanner.Tasks(run, plan));
    }
}
