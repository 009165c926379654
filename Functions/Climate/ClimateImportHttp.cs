using System.Net;
using Durable.Functions.Http;
using Durable.Orchestrations.Climate;
using Durable.Pipelines.Climate.Import;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Climate;

/// <summary>Imports input tables as CSV or CSV.gz, and packs them into the columns the batches read.</summary>
public sealed class ClimateImportHttp(CsvImporter importer)
{
    private const string PackInstance = "climate-pack";
    private const int MostBytes = 100 << 20; // of the file as it is sent, compressed or not; it is streamed

    /// <summary>200 with the number accepted and each refused row; 400 when the file cannot be read, 413 when it is too large: then nothing
    /// is stored.</summary>
    [Function("ImportClimateTable"), RequestSizeLimit(MostBytes)]
    public async Task<HttpResponseData> ImportAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/import/{table}")] HttpRequestData request,
        string table,
        CancellationToken cancellationToken
    )
    {
        if (
            request.Headers.TryGetValues("Content-Type", out IEnumerable<string>? types)
            && types.Any(type => type.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase))
        )
        {
            const string Reason =
                "The body is a form. Send the file itself: curl --data-binary @tamax_data.csv -H 'Content-Type: text/csv'.";
            return await request.RefuseAsync(HttpStatusCode.UnsupportedMediaType, Reason, cancellationToken);
        }

        try
        {
            ImportReceipt receipt = await importer.ImportAsync(table, request.Body, request.Query["source"] ?? "http", cancellationToken);
            return await request.AnswerAsync(HttpStatusCode.OK, receipt, cancellationToken);
        }
        catch (ImportRefusedException refused)
        {
            HttpStatusCode status = refused is ImportTooLargeException ? HttpStatusCode.RequestEntityTooLarge : HttpStatusCode.BadRequest;
            return await request.RefuseAsync(status, refused.Message, cancellationToken);
        }
    }

    /// <summary>202 with the status links; 409 while packing runs.</summary>
    [Function("StartPackInputs")]
    public static Task<HttpResponseData> PackAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/pack")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) => client.StartAsync(request, nameof(PackInputs), PackInstance, null, cancellationToken);
}
