using Durable.Functions.Http;
using Durable.Operations.Fields;
using Durable.Orchestrations.Climate;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Sample;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Climate;

/// <summary>Generates the sample climate, one at a time: <c>{"cells": 1000, "seed": 1, "startYear": 2021, "endYear": 2100}</c>, all
/// optional. A repeated request generates nothing.</summary>
public static class ClimateSampleHttp
{
    /// <summary>Every option with its limits.</summary>
    internal static IReadOnlyList<Field> Fields { get; } =
    [
        Field.Whole("cells", "Cells of the grid.", 1000, 1, SampleClimate.GridCells),
        Field.Whole("seed", "Another seed, another climate.", 1, 0, int.MaxValue),
        Field.Whole("startYear", "First year.", Scenarios.FirstYear, Scenarios.FirstYear, Scenarios.LastYear),
        Field.Whole("endYear", "Last year.", Scenarios.LastYear, Scenarios.FirstYear, Scenarios.LastYear),
    ];

    /// <summary>202 with the status links; 400 naming each bad field; 409 with the status links while a sample is being
    /// generated.</summary>
    [Function("StartSample")]
    public static async Task<HttpResponseData> StartAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/sample")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        FieldValues values = await request.ReadFieldsAsync(Fields, cancellationToken);
        SampleRequest sample = new(values.Whole("cells"), values.Whole("seed"), values.Whole("startYear"), values.Whole("endYear"));
        if (sample.StartYear > sample.EndYear && values.Errors.Count == 0)
            values.Refuse("startYear", $"lies after endYear {sample.EndYear}; allowed: {Scenarios.FirstYear} to endYear");
        // One id for every sample: each replaces the whole grid, so two at once would mix.
        return values.Errors.Count > 0
            ? await request.RefuseAsync(values, cancellationToken)
            : await client.StartAsync(request, nameof(GenerateSample), "climate-sample", sample, cancellationToken);
    }
}
