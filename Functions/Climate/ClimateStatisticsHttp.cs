using System.Net;
using Durable.Functions.Http;
using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions.Climate;

/// <summary>
/// Numbers of the latest runs, and the monitoring query with its answer from the sums kept with the partitions. <c>?query=true</c> also
/// runs the query over every row and returns its time: minutes on the national grid.
/// </summary>
public sealed class ClimateStatisticsHttp(RunLedger ledger, ClimateMonitor monitor)
{
    [Function("ReadClimateStatistics")]
    public async Task<HttpResponseData> ReadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "climate/statistics")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        string? asked = request.Query["query"];
        if (asked is not (null or "true" or "false"))
            return await request.RefuseAsync(
                HttpStatusCode.BadRequest,
                new { error = "invalid options", fields = new { query = "is not true or false" } },
                cancellationToken
            );
        MonitoringQueryRun? query = asked == "true" ? await monitor.RunQueryAsync(cancellationToken) : null;
        if (asked == "true" && query is null)
            return await request.RefuseAsync(
                HttpStatusCode.TooManyRequests,
                "The monitoring query is already running; ask again when it has ended.",
                cancellationToken
            );
        return await request.AnswerAsync(
            HttpStatusCode.OK,
            new
            {
                hazard = await ledger.ReadLatestAsync(HazardTable.Kind, cancellationToken),
                probability = await ledger.ReadLatestAsync(ProbabilityTable.Kind, cancellationToken),
                monitoring = new
                {
                    sql = ClimateMonitor.Query,
                    source = "sums kept with the partitions",
                    rows = await monitor.ReadAsync(cancellationToken),
                    query,
                },
            },
            cancellationToken
        );
    }
}
