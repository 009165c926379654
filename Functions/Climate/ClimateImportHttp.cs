using System.Net;
using Durable.Functions.Http;
using Durable.Orchestrations.Climate;
using Durable.Pipelines.Climate.Import;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Climate;

/// <summary>Takes input tables as CSV or CSV.gz, and packs what was imported into the columns the batches read.</summary>
public sealed class ClimateImportHttp(CsvImporter importer)
{
    private const string PackInstance = "climate-pack";

    /// <summary>200 with what was accepted and each refused row; 400 when the table or its columns are unknown.</summary>
    [Function("ImportClimateTable")]
    public async Task<HttpResponseData> ImportAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/import/{table}")] HttpRequestData request, string table, CancellationToken cancellationToken)
    {
        try
        {
            ImportReceipt receipt = await importer.ImportAsync(table, request.Body, request.Query["source"] ?? "http", cancellationToken);
            return await request.AnswerAsync(HttpStatusCode.OK, receipt, cancellationToken);
        }
        catch (ImportRefusedException refused)
        {
            return await request.RefuseAsync(HttpStatusCode.BadRequest, new { error = refused.Message }, cancellationToken);
        }
    }

    /// <summary>202 with the status links; 409 while packing is under way.</summary>
    [Function("StartPackInputs")]
    public static async Task<HttpResponseData> PackAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/pack")] HttpRequestData request,
        [DurableClient] DurableTaskClient client, CancellationToken cancellationToken)
    {
        if (await client.IsActiveAsync(PackInstance, cancellationToken)) return await client.CreateCheckStatusResponseAsync(request, PackInstance, HttpStatusCode.Conflict, cancellationToken);
        await client.ScheduleNewOrchestrationInstanceAsync(nameof(PackInputs), new StartOrchestrationOptions(PackInstance), cancellationToken);
        return await client.CreateCheckStatusResponseAsync(request, PackInstance, cancellationToken);
    }
}
