using System.Net;
using Durable.Pipelines.Operations;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions;

/// <summary>What the ledger knows of an instance: its runs, newest first, and the gates (failed ones first) and partitions of the newest.</summary>
public sealed class RunsHttp(RunReader runs)
{
    [Function("ReadClimateRun")]
    public async Task<HttpResponseData> ReadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "climate/runs/{instanceId}")] HttpRequestData request, string instanceId, CancellationToken cancellationToken)
    {
        IReadOnlyList<RunRow> rows = await runs.ReadAsync(instanceId, cancellationToken);
        return rows.Count == 0
            ? await request.RefuseAsync(HttpStatusCode.NotFound, new { error = $"No run of {instanceId} is in the ledger." }, cancellationToken)
            : await request.AnswerAsync(HttpStatusCode.OK, new
            {
                runs = rows,
                gates = await runs.ReadGatesAsync(rows[0].RunId, cancellationToken: cancellationToken),
                partitions = await runs.ReadPartitionsAsync(rows[0].RunId, cancellationToken),
            }, cancellationToken);
    }

    [Function("ListClimateRuns")]
    public async Task<HttpResponseData> ListAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "climate/runs")] HttpRequestData request, CancellationToken cancellationToken) =>
        await request.AnswerAsync(HttpStatusCode.OK, await runs.ReadAsync(null, cancellationToken), cancellationToken);
}
