using System.Net;
using System.Text.Json;
using Durable.Functions.Http;
using Durable.Orchestrations.Climate;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Sample;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Climate;

/// <summary>Generates the sample climate: <c>{"cells": 1000, "seed": 1, "startYear": 2021, "endYear": 2100}</c>, all optional. Asking again generates nothing.</summary>
public static class ClimateSampleHttp
{
    [Function("StartSample")]
    public static async Task<HttpResponseData> StartAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "climate/sample")] HttpRequestData request,
        [DurableClient] DurableTaskClient client, CancellationToken cancellationToken)
    {
        Dictionary<string, string> errors = [];
        Dictionary<string, string> given = Given(await request.ReadAsStringAsync(), errors);
        foreach ((string name, string? value) in request.QueryPairs()) given[name.ToLowerInvariant()] = value ?? "";
        SampleRequest sample = new(
            Number("cells", 1000, 1, SampleClimate.GridCells, given, errors), Number("seed", 1, 0, int.MaxValue, given, errors),
            Number("startYear", Scenarios.FirstYear, Scenarios.FirstYear, Scenarios.LastYear, given, errors),
            Number("endYear", Scenarios.LastYear, Scenarios.FirstYear, Scenarios.LastYear, given, errors));
        if (sample.StartYear > sample.EndYear) errors["startYear"] = $"lies after endYear {sample.EndYear}; allowed: {Scenarios.FirstYear} to endYear";
        if (errors.Count > 0) return await request.RefuseAsync(HttpStatusCode.BadRequest, new { error = "invalid options", fields = errors }, cancellationToken);

        string instanceId = $"sample-{sample.Cells}-{sample.Seed}-{sample.StartYear}-{sample.EndYear}";
        return await client.StartAsync(request, nameof(GenerateSample), instanceId, sample, cancellationToken);
    }

    private static Dictionary<string, string> Given(string? body, Dictionary<string, string> errors)
    {
        if (string.IsNullOrWhiteSpace(body)) return [];
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(body)?.ToDictionary(pair => pair.Key.ToLowerInvariant(), pair => pair.Value.ToString()) ?? [];
        }
        catch (JsonException error)
        {
            errors["body"] = $"not a JSON object: {error.Message}";
            return [];
        }
    }

    private static int Number(string field, int fallback, int least, int most, Dictionary<string, string> given, Dictionary<string, string> errors)
    {
        if (!given.TryGetValue(field.ToLowerInvariant(), out string? text)) return fallback;
        if (int.TryParse(text, out int number) && number >= least && number <= most) return number;
        errors[field] = $"'{text}' is out of range; allowed: {least} to {most}";
        return fallback;
    }
}
