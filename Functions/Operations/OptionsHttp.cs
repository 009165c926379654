using System.Net;
using Durable.Functions.Benchmark;
using Durable.Functions.Climate;
using Durable.Functions.Http;
using Durable.Functions.Pothole;
using Durable.Functions.Returns;
using Durable.Functions.Spot;
using Durable.Operations.Fields;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Climate.Planning;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions.Operations;

/// <summary>The options of each call with limits and defaults: the tables that read requests, shown to clients.</summary>
public static class OptionsHttp
{
    /// <summary>The options of each call.</summary>
    internal static IReadOnlyDictionary<string, IReadOnlyList<Field>> Calls { get; } =
        new Dictionary<string, IReadOnlyList<Field>>
        {
            ["climate/hazard"] = ClimateRequestReader.Fields,
            ["climate/probability"] = ClimateRequestReader.Fields,
            ["climate/annual"] = ClimateRequestReader.Fields,
            ["climate/sample"] = ClimateSampleHttp.Fields,
            ["pothole"] = PotholeHttp.Fields,
            ["spot"] = SpotHttp.SlotFields,
            ["spot/backfill"] = SpotHttp.BackfillFields,
            ["spot/workload"] = SpotHttp.WorkloadFields,
            ["spot/gaps"] = SpotHttp.GapFields,
            ["spot/market"] = SpotHttp.MarketFields,
            ["spot/history"] = SpotHttp.HistoryFields,
            ["returns"] = ReturnsTrainingHttp.Fields,
            ["returns/rollback"] = ReturnsTrainingHttp.RollbackFields,
            ["benchmark"] = BenchmarkRequestReader.Fields,
            ["benchmark/comparison"] = BenchmarkHttp.ComparisonFields,
            ["benchmark/models/{model}/rollback"] = BenchmarkHttp.RollbackFields,
            ["operations/leases"] = LeasesHttp.Fields,
            ["operations/runs/{instanceId}/cancel"] = LeasesHttp.CancelFields,
        };

    [Function("ListOptions")]
    public static Task<HttpResponseData> ListAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "options")] HttpRequestData request,
        CancellationToken cancellationToken
    ) => request.AnswerAsync(HttpStatusCode.OK, Calls, cancellationToken);
}
