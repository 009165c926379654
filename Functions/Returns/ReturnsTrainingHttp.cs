using System.Globalization;
using System.Net;
using Amazon.S3;
using Durable.Functions.Http;
using Durable.Operations.Fields;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Orchestrations.Returns;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Returns;

/// <summary>
/// Starts trainings and inferences, shows their results, and rolls the served model back. 202 with the status links; 200 with the plan for
/// a dry run; 400 naming each bad field; 409 with the status link of the running run, or with the changes since the plan; 422 when the
/// pipeline is off or its input is missing.
/// </summary>
public sealed class ReturnsTrainingHttp(
    ReturnsPlanner planner,
    PlanStore plans,
    ReturnsOptions options,
    RunReader runs,
    ReturnsTable table,
    ReturnsStorage storage,
    ModelTable models,
    ModelRegistry registry,
    PredictionTable predictions,
    ReturnsJournal journal
)
{
    /// <summary>Every option of a training with its limits.</summary>
    internal static IReadOnlyList<Field> Fields { get; } =
    [
        Field.Whole("limit", "Only the latest n rows; default all.", 0, 1, 10_000_000),
        Field.Text("since", "Only rows from this time on, read from the source again.", 40),
        Field.Flag("skipDataPrep", "Train on the latest training set unchanged."),
        Field.Flag("force", "Train even if these rows were already judged."),
        Field.Flag("dryRun", "Show the plan and do nothing."),
        Field.Text("instanceType", "Machine of the training job, such as ml.m5.large.", 50),
        Field.Text("frameworkVersion", "PyTorch of the training image, such as 2.2.", 20),
        Field.Text("planHash", "Apply exactly the plan with this hash.", 128),
    ];

    internal static IReadOnlyList<Field> RollbackFields { get; } =
    [Field.Text("version", "Version to serve; default the previous one.", 100)];

    /// <summary><c>{"limit": 5000, "since": "2025-12-01T00:00:00Z", "skipDataPrep": false, "force": false, "dryRun": false, "instanceType":
    /// "ml.m5.large", "frameworkVersion": "2.2", "planHash": "…"}</c>, all optional.</summary>
    [Function("StartReturnsTraining")]
    public async Task<HttpResponseData> StartAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "returns")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return await OffAsync(request, cancellationToken);
        FieldValues values = await request.ReadFieldsAsync(Fields, cancellationToken);
        (ReturnsRequest training, bool dryRun) = (Read(values), values.Flag("dryRun"));
        if (values.Errors.Count > 0)
            return await request.RefuseAsync(values, cancellationToken);
        try
        {
            if (!dryRun && await client.IsActiveAsync(ReturnsRequest.InstanceId, cancellationToken))
                return await client.RefuseActiveAsync(request, ReturnsRequest.InstanceId, cancellationToken);
            if (dryRun || training.PlanHash is not null)
            {
                ReturnsPlan plan = await planner.PlanAsync(training, cancellationToken);
                if (dryRun)
                    return await ShowAsync(request, plan, cancellationToken);
                await plans.CheckAsync(training.PlanHash, plan.Plan, cancellationToken);
            }
        }
        catch (PlanStaleException stale)
        {
            return await request.RefuseAsync(
                HttpStatusCode.Conflict,
                new { error = stale.Message, difference = stale.Difference },
                cancellationToken
            );
        }
        catch (NoTrainingSetException none)
        {
            return await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, none.Message, cancellationToken);
        }
        catch (AmazonS3Exception error)
        {
            return await UnreadableAsync(request, error, cancellationToken);
        }

        return await client.StartAsync(request, nameof(ReturnsTraining), ReturnsRequest.InstanceId, training, cancellationToken);
    }

    /// <summary>Predicts new embeddings now instead of at the next tick.</summary>
    [Function("StartReturnsInference")]
    public async Task<HttpResponseData> InferAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "returns/inference")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return await OffAsync(request, cancellationToken);
        return await client.StartAsync(request, nameof(ReturnsInference), ReturnsRequest.InferenceInstanceId, null, cancellationToken);
    }

    /// <summary>The served model, the data, the latest runs, ticks and predictions.</summary>
    [Function("ReadReturnsStatus")]
    public async Task<HttpResponseData> StatusAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "returns")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return await OffAsync(request, cancellationToken);
        try
        {
            ModelPointer? served = (await storage.ReadPointerAsync(cancellationToken))?.Pointer;
            IReadOnlyList<RunRow> trainings = await runs.ReadAsync(ReturnsRequest.InstanceId, cancellationToken);
            return await request.AnswerAsync(
                HttpStatusCode.OK,
                new
                {
                    served,
                    data = await table.WindowAsync(null, 0, cancellationToken),
                    trainings = trainings.Take(5),
                    gates = trainings.Count == 0 ? [] : await runs.ReadGatesAsync(trainings[0].RunId, cancellationToken: cancellationToken),
                    inferences = (await runs.ReadAsync(ReturnsRequest.InferenceInstanceId, cancellationToken)).Take(5),
                    scores = await predictions.ReadScoresAsync(served?.Version, cancellationToken),
                    predictions = await predictions.ReadAsync(10, cancellationToken),
                    ticks = await journal.ReadTicksAsync(10, cancellationToken),
                },
                cancellationToken
            );
        }
        catch (AmazonS3Exception error)
        {
            return await UnreadableAsync(request, error, cancellationToken);
        }
    }

    /// <summary>Every judged model, newest first, and every move of the pointer.</summary>
    [Function("ListReturnsModels")]
    public async Task<HttpResponseData> ModelsAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "returns/models")] HttpRequestData request,
        CancellationToken cancellationToken
    ) =>
        await request.AnswerAsync(
            HttpStatusCode.OK,
            new
            {
                models = await models.ReadAsync(cancellationToken: cancellationToken),
                moves = await models.ReadMovesAsync(cancellationToken: cancellationToken),
            },
            cancellationToken
        );

    /// <summary>Serves the previous model, or <c>{"version": "…"}</c>. 404 for an unknown model; 409 when it is already served or the
    /// pointer moved concurrently.</summary>
    [Function("RollBackReturnsModel")]
    public async Task<HttpResponseData> RollBackAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "returns/rollback")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return await OffAsync(request, cancellationToken);
        FieldValues values = await request.ReadFieldsAsync(RollbackFields, cancellationToken);
        string? version = values.Text("version");
        if (values.Errors.Count > 0)
            return await request.RefuseAsync(values, cancellationToken);
        try
        {
            return await request.AnswerAsync(
                HttpStatusCode.OK,
                await registry.RollBackAsync(version, cancellationToken),
                cancellationToken
            );
        }
        catch (Exception error) when (error is NoModelException or RollbackRefusedException)
        {
            return await request.RefuseAsync(HttpStatusCode.NotFound, error.Message, cancellationToken);
        }
        catch (Exception error) when (error is PointerMovedException or ObjectChangedException or ModelArchiveException)
        {
            return await request.RefuseAsync(HttpStatusCode.Conflict, error.Message, cancellationToken);
        }
        catch (AmazonS3Exception error)
        {
            return await UnreadableAsync(request, error, cancellationToken);
        }
    }

    internal static Task<HttpResponseData> OffAsync(HttpRequestData request, CancellationToken cancellationToken) =>
        request.RefuseAsync(HttpStatusCode.UnprocessableEntity, new ReturnsOffException().Message, cancellationToken);

    private Task<HttpResponseData> UnreadableAsync(HttpRequestData request, AmazonS3Exception error, CancellationToken cancellationToken) =>
        request.RefuseAsync(
            HttpStatusCode.BadGateway,
            $"The bucket {options.Bucket} cannot be read: {error.ErrorCode} {error.Message}",
            cancellationToken
        );

    private async Task<HttpResponseData> ShowAsync(HttpRequestData request, ReturnsPlan plan, CancellationToken cancellationToken)
    {
        await plans.SaveAsync(plan.Plan, cancellationToken);
        return await request.AnswerAsync(
            HttpStatusCode.OK,
            new
            {
                plan.Plan.Hash,
                plan.Plan.Kind,
                plan.Plan.Options,
                plan.KnownRows,
                plan.From,
                plan.To,
                plan.ServedVersion,
                plan.InstanceType,
                plan.MostCostUsd,
                steps = plan.Plan.Partitions,
            },
            cancellationToken
        );
    }

    private static ReturnsRequest Read(FieldValues values)
    {
        (int limit, bool skip, bool force) = (values.Whole("limit"), values.Flag("skipDataPrep"), values.Flag("force"));
        DateTime? since = null;
        if (values.Text("since") is { } text)
        {
            if (
                DateTimeOffset.TryParseExact(
                    text,
                    ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mmK"],
                    CultureInfo.InvariantCulture,
                    DateTimeStyles.AssumeUniversal,
                    out DateTimeOffset time
                ) && time.Year is >= 2000 and < 2100
            )
                since = time.UtcDateTime;
            else
                values.Refuse("since", "a time such as 2025-12-01T00:00:00Z");
        }

        (string? machine, string? version, string? hash) = (
            values.Text("instanceType"),
            values.Text("frameworkVersion"),
            values.Text("planHash")
        );
        if (machine is not null && !ReturnsOptionsValidator.IsInstanceType(machine))
            values.Refuse("instanceType", "a machine type such as ml.m5.large");
        if (version is not null && !ReturnsOptionsValidator.IsVersion(version))
            values.Refuse("frameworkVersion", "a version such as 2.2");
        if (hash is not null && (hash.Length != 16 || !hash.All(char.IsAsciiHexDigitLower)))
            values.Refuse("planHash", "the 16 hex digits of a plan (dryRun shows one)");
        if (skip && (values.Has("limit") || values.Has("since")))
            values.Refuse("skipDataPrep", "without limit and since: the latest training set is used as it is");
        return new ReturnsRequest(limit, since, skip, force, machine, version, hash);
    }
}
