using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>A run to open in the ledger.</summary>
/// <param name="Steps">Its planned steps.</param>
public sealed record ReturnsBegin(ReturnsRun Run, string Kind, int Steps);

/// <summary>Opens a run in the ledger and checks its plan. Safe to run twice.</summary>
/// <exception cref="ReturnsOffException">No bucket is set; permanent.</exception>
/// <exception cref="PlanStaleException">The named plan is stale; permanent.</exception>
public sealed class BeginReturns(RunLedger ledger, ReturnsPlanner planner, PlanStore plans, ReturnsOptions options)
{
    /// <summary>Kinds of these runs in the ledger.</summary>
    public const string Training = ReturnsPlanner.Kind,
        Inference = "returns-inference";

    [Function(nameof(BeginReturns))]
    public async Task RunAsync([ActivityTrigger] ReturnsBegin begin, CancellationToken cancellationToken)
    {
        await ledger.BeginAsync(
            begin.Run.RunId,
            begin.Run.InstanceId,
            begin.Kind,
            begin.Run.Request,
            begin.Run.Request.PlanHash,
            begin.Steps,
            cancellationToken
        );
        if (!options.IsOn)
            throw new ReturnsOffException();
        if (begin.Run.Request.PlanHash is { } hash)
            await plans.CheckAsync(hash, (await planner.PlanAsync(begin.Run.Request, cancellationToken)).Plan, cancellationToken);
    }
}
