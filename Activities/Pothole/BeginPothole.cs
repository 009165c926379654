using Durable.Operations.Ledger;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Pothole;

/// <summary>Lists the day's input, plans its steps, uploads their code, and opens the run in the ledger. Starts no machine.</summary>
/// <remarks>Safe to run twice: finished steps of this run stay finished.</remarks>
/// <exception cref="PotholeOffException">No bucket is set; permanent.</exception>
/// <exception cref="Amazon.S3.AmazonS3Exception">The bucket cannot be read, which is not the same as an empty day.</exception>
public sealed class BeginPothole(PotholePlanner planner, PotholeStorage storage, PotholeSteps steps, RunLedger ledger)
{
    /// <summary>Kind of these runs in the ledger.</summary>
    public const string Kind = "pothole";

    [Function(nameof(BeginPothole))]
    public async Task<PotholeWork> RunAsync([ActivityTrigger] PotholeRun run, CancellationToken cancellationToken)
    {
        PotholeWork work = await planner.PlanAsync(run.Request, run.RunId, cancellationToken);
        string[] toDo = [.. work.Steps.Where(step => step.IsToDo).Select(step => step.Step)];
        await ledger.BeginAsync(run.RunId, run.InstanceId, Kind, run.Request, planHash: null, toDo.Length, cancellationToken);
        if (!work.HasInput)
            return work;
        await storage.UploadCodeAsync(cancellationToken);
        await steps.ForgetAsync(run.Date, run.RunId, toDo, cancellationToken);
        return work;
    }
}
