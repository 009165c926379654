using System.Net;
using Durable.Functions.Http;
using Durable.Operations.Fields;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Orchestrations.Climate;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Climate;

/// <summary>
/// Starts the climate batches. 202 with the status links; 200 with the plan for a dry run; 400 naming each bad field and what is allowed;
/// 409 with the status link of the run in the way, or with the changes since the plan; 422 without input data.
/// </summary>
public sealed class ClimateBatchHttp(ClimatePlanner planner, PlanStore plans, Partitions partitions)
{
    [Function("StartHazardBatch")]
    public Task<HttpResponseData> StartHazardAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/hazard")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) => StartAsync(request, client, nameof(HazardBatch), HazardTable.Kind, planner.PlanHazardAsync, cancellationToken);

    [Function("StartProbabilityBatch")]
    public Task<HttpResponseData> StartProbabilityAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/probability")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) => StartAsync(request, client, nameof(ProbabilityBatch), ProbabilityTable.Kind, planner.PlanProbabilityAsync, cancellationToken);

    [Function("StartAnnualBatch")]
    public Task<HttpResponseData> StartAnnualAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/annual")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) => StartAsync(request, client, nameof(AnnualBatch), "annual", planner.PlanProbabilityAsync, cancellationToken);

    private async Task<HttpResponseData> StartAsync(
        HttpRequestData request,
        DurableTaskClient client,
        string orchestration,
        string kind,
        Func<ClimateRequest, CancellationToken, Task<Plan>> makePlan,
        CancellationToken cancellationToken
    )
    {
        FieldValues values = await request.ReadFieldsAsync(ClimateRequestReader.Fields, cancellationToken);
        ClimateRequestReading reading = ClimateRequestReader.Read(values);
        if (reading.Request is not { } options)
            return await request.RefuseAsync(values, cancellationToken);

        string instanceId = $"{kind}-{options.Fingerprint}";
        if (await client.IsActiveAsync(instanceId, cancellationToken))
            return await client.RefuseActiveAsync(request, instanceId, cancellationToken);

        try
        {
            Plan plan = await makePlan(options, cancellationToken);
            if (reading.DryRun)
            {
                await plans.SaveAsync(plan, cancellationToken);
                return await request.AnswerAsync(
                    HttpStatusCode.OK,
                    new
                    {
                        plan.Hash,
                        plan.Kind,
                        plan.Options,
                        plan.ToFill,
                        plan.Skipped,
                        plan.Lanes,
                        plan.EstimatedSeconds,
                        plan.EstimatedRows,
                        plan.Partitions,
                    },
                    cancellationToken
                );
            }

            await plans.CheckAsync(options.PlanHash, plan, cancellationToken);
            foreach (string runId in await FindOwnersAsync(plan, cancellationToken))
            {
                string owner = RunLedger.InstanceOf(runId);
                if (await client.IsActiveAsync(owner, cancellationToken))
                    return await client.RefuseActiveAsync(request, owner, cancellationToken);
                // It was terminated or failed before releasing its claim. A claim of an instance unknown to this hub is left to expire.
                if (await client.GetInstanceAsync(owner, cancellationToken) is not null)
                    await partitions.ReleaseAsync(runId, cancellationToken);
            }
        }
        catch (PlanStaleException stale)
        {
            return await request.RefuseAsync(
                HttpStatusCode.Conflict,
                new { error = stale.Message, difference = stale.Difference },
                cancellationToken
            );
        }
        catch (ClimateInputMissingException missing)
        {
            return await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, missing.Message, cancellationToken);
        }

        return await client.StartAsync(request, orchestration, instanceId, options, cancellationToken);
    }

    /// <summary>Runs that fill any of the planned partitions now.</summary>
    private async Task<IReadOnlyList<string>> FindOwnersAsync(Plan plan, CancellationToken cancellationToken)
    {
        Dictionary<string, PartitionRecord> ledger = await partitions.ReadAsync(plan.Kind, cancellationToken);
        return [.. plan.Partitions.Select(partition => ledger.GetValueOrDefault(partition.Key)?.ClaimedBy).OfType<string>().Distinct()];
    }
}
