using System.Net;
using System.Text.Json;
using Durable.Functions.Http;
using Durable.Operations.Fields;
using Durable.Pipelines.Returns;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace Durable.Functions.Returns;

/// <summary>Predicts with the served model, at once. 200 with per cent by strategy; 400 for bad embeddings or times; 404 for an unknown
/// embedding; 422 when the pipeline is off or no model is published; 503 when the served model cannot be loaded.</summary>
public sealed class ReturnsPredictHttp(ModelServer server, ReturnsTable table, ReturnsOptions options)
{
    /// <summary>Most bytes of a batch: about 3,000 rows.</summary>
    private const int LargestBatch = 32 << 20;

    /// <summary><c>{"embedding_a": […256], "embedding_b": […256], "base_ts": "…"}</c>, or a <c>base_ts</c> alone for the stored embedding
    /// of that time, or nothing for the newest.</summary>
    [Function("PredictReturnsNow")]
    public async Task<HttpResponseData> PredictAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "returns/predict")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return await ReturnsTrainingHttp.OffAsync(request, cancellationToken);
        JsonElement body;
        try
        {
            string? json = await request.ReadAsStringAsync();
            body = JsonSerializer.Deserialize<JsonElement>(string.IsNullOrWhiteSpace(json) ? "{}" : json, RequestText.Strict);
        }
        catch (JsonException)
        {
            return await BadAsync(request, "body", "a JSON object with base_ts, or embedding_a and embedding_b", cancellationToken);
        }

        if (body.ValueKind != JsonValueKind.Object)
            return await BadAsync(request, "body", "a JSON object with base_ts, or embedding_a and embedding_b", cancellationToken);
        float[] features = new float[ReturnsShape.Features];
        DateTime? baseTs = null;
        if (Has(body, "embedding_a") || Has(body, "embedding_b"))
        {
            if (JsonLines.Read(body, features, out baseTs, out _) is { } wrong)
                return await BadAsync(
                    request,
                    wrong.StartsWith("embedding_b", StringComparison.Ordinal) ? "embedding_b" : "embedding_a",
                    wrong,
                    cancellationToken
                );
        }
        else
        {
            if (Has(body, "base_ts"))
            {
                if (!JsonLines.TryTime(body.GetProperty("base_ts"), out DateTime asked))
                    return await BadAsync(request, "base_ts", "a time such as 2025-12-23T08:00:00Z", cancellationToken);
                baseTs = asked;
            }

            if (await table.FindEmbeddingAsync(baseTs, cancellationToken) is not { } stored)
                return await request.RefuseAsync(
                    HttpStatusCode.NotFound,
                    baseTs is null ? "There is no embedding yet." : $"There is no embedding of {baseTs:u}.",
                    cancellationToken
                );
            (features, baseTs) = (stored.Values, stored.BaseTs);
        }

        return await AnswerAsync(request, features, baseTs, cancellationToken);
    }

    /// <summary>JSON Lines in, JSON Lines out: one answer per line, with an error for a bad line.</summary>
    [Function("PredictReturnsBatch")]
    [RequestSizeLimit(LargestBatch)]
    public async Task<HttpResponseData> BatchAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "returns/predict/batch")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return await ReturnsTrainingHttp.OffAsync(request, cancellationToken);
        if (
            request.Headers.TryGetValues("Content-Length", out IEnumerable<string>? values)
            && long.TryParse(values.FirstOrDefault(), out long length)
            && length > LargestBatch
        )
            return await request.RefuseAsync(
                HttpStatusCode.RequestEntityTooLarge,
                $"A batch has at most {LargestBatch >> 20} MB; send several.",
                cancellationToken
            );
        try
        {
            (_, ReturnsModel model) = await server.GetAsync(cancellationToken);
            HttpResponseData response = request.CreateResponse(HttpStatusCode.OK);
            response.Headers.Add("Content-Type", "application/x-ndjson; charset=utf-8");
            await JsonLines.PredictAsync(request.Body, response.Body, model, cancellationToken);
            return response;
        }
        catch (Exception error) when (error is NoModelException or ObjectChangedException or ModelArchiveException)
        {
            return await NotServedAsync(request, error, cancellationToken);
        }
    }

    private async Task<HttpResponseData> AnswerAsync(
        HttpRequestData request,
        float[] features,
        DateTime? baseTs,
        CancellationToken cancellationToken
    )
    {
        try
        {
            (ModelPointer pointer, ReturnsModel model) = await server.GetAsync(cancellationToken);
            float[] predicted = model.Predict(features);
            return await request.AnswerAsync(
                HttpStatusCode.OK,
                new
                {
                    base_ts = baseTs,
                    target_ts = baseTs + ReturnsShape.Ahead,
                    model_uri = pointer.ModelUri,
                    version = pointer.Version,
                    pred = ReturnsShape.Targets.Zip(predicted).ToDictionary(pair => pair.First, pair => pair.Second),
                },
                cancellationToken
            );
        }
        catch (Exception error) when (error is NoModelException or ObjectChangedException or ModelArchiveException)
        {
            return await NotServedAsync(request, error, cancellationToken);
        }
    }

    private static Task<HttpResponseData> NotServedAsync(HttpRequestData request, Exception error, CancellationToken cancellationToken) =>
        request.RefuseAsync(
            error is NoModelException ? HttpStatusCode.UnprocessableEntity : HttpStatusCode.ServiceUnavailable,
            error.Message,
            cancellationToken
        );

    private static bool Has(JsonElement body, string name) =>
        body.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    private static Task<HttpResponseData> BadAsync(
        HttpRequestData request,
        string field,
        string allowed,
        CancellationToken cancellationToken
    ) =>
        request.RefuseAsync(
            HttpStatusCode.BadRequest,
            new { error = "invalid options", fields = new Dictionary<string, string> { [field] = allowed } },
            cancellationToken
        );
}
