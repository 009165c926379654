using System.Net;
using Durable.Functions.Http;
using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions.Climate;

/// <summary>Numbers of the latest runs, and the monitoring query with its answer.</summary>
public sealed class ClimateStatisticsHttp(RunLedger ledger, ClimateMonitor monitor)
{
    [Function("ReadClimateStatistics")]
    public async Task<HttpResponseData> ReadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "climate/statistics")] HttpRequestData request, CancellationToken cancellationToken) =>
        await request.AnswerAsync(HttpStatusCode.OK, new
        {
            hazard = await ledger.ReadLatestAsync(HazardTable.Kind, cancellationToken),
            probability = await ledger.ReadLatestAsync(ProbabilityTable.Kind, cancellationToken),
            monitoring = new { sql = ClimateMonitor.Query, rows = await monitor.ReadAsync(cancellationToken) },
        }, cancellationToken);
}
