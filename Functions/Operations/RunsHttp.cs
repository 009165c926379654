using System.Net;
using Durable.Functions.Http;
using Durable.Operations.Ledger;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions.Operations;

/// <summary>The run ledger of every pipeline. For an instance: its runs, newest first, and the gates (failed ones first) and partitions of
/// the newest.</summary>
public sealed class RunsHttp(RunReader runs)
{
    [Function("ReadRun")]
    public async Task<HttpResponseData> ReadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "runs/{instanceId}")] HttpRequestData request,
        string instanceId,
        CancellationToken cancellationToken
    )
    {
        IReadOnlyList<RunRow> rows = await runs.ReadAsync(instanceId, cancellationToken);
        return rows.Count == 0
            ? await request.RefuseAsync(HttpStatusCode.NotFound, $"No run of {instanceId} is in the ledger.", cancellationToken)
            : await request.AnswerAsync(
                HttpStatusCode.OK,
                new
                {
                    runs = rows,
                    gates = await runs.ReadGatesAsync(rows[0].RunId, cancellationToken: cancellationToken),
                    partitions = await runs.ReadPartitionsAsync(rows[0].RunId, cancellationToken),
                },
                cancellationToken
            );
    }

    [Function("ListRuns")]
    public async Task<HttpResponseData> ListAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "runs")] HttpRequestData request,
        CancellationToken cancellationToken
    ) => await request.AnswerAsync(HttpStatusCode.OK, await runs.ReadAsync(null, cancellationToken), cancellationToken);
}
