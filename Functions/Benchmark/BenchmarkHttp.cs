using System.Net;
using System.Text.Json;
using Amazon.S3;
using Durable.Functions.Http;
using Durable.Operations.Fields;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Durable.Operations.Plans;
using Durable.Orchestrations.Benchmark;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Tracking;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Benchmark;

/// <summary>
/// Starts the model benchmark, shows its results, rolls a model back, exports records. 202 with the status links; 200 with the plan for a
/// dry run; 400 naming each bad field; 404 for an unknown model; 409 with the status link of the running suite, or with the changes since
/// the plan; 422 when the suite is not configured; 502 when a server does not answer.
/// </summary>
public sealed class BenchmarkHttp(
    BenchmarkPlanner planner,
    BenchmarkTable table,
    BenchmarkOptions options,
    RunTracker tracker,
    PlanStore plans,
    Partitions partitions,
    NotificationOutbox outbox
)
{
    private static readonly OrchestrationRuntimeStatus[] Active =
    [
        OrchestrationRuntimeStatus.Pending,
        OrchestrationRuntimeStatus.Running,
        OrchestrationRuntimeStatus.Suspended,
    ];

    internal static IReadOnlyList<Field> ComparisonFields { get; } =
    [
        Field.Choice("format", "Format of the comparison.", "json", ["json", "markdown", "svg"]),
        Field.Text("run", "Of this run; default the newest.", 200),
    ];

    internal static IReadOnlyList<Field> RollbackFields { get; } =
    [
        new Field("version", FieldKind.Whole, "Version to go back to; default the previous one.", Least: 1, Most: 1_000_000),
        Field.Text("reason", "Recorded with the move.", 300, "rolled back over HTTP"),
    ];

    [Function("StartBenchmark")]
    public async Task<HttpResponseData> StartAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "benchmark")] HttpRequestData request,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, new BenchmarkOffException().Message, cancellationToken);
        FieldValues values = await request.ReadFieldsAsync(BenchmarkRequestReader.Fields, cancellationToken);
        BenchmarkRequestReading reading = BenchmarkRequestReader.Read(values);
        if (reading.Request is not { } wanted)
            return await request.RefuseAsync(values, cancellationToken);
        const string Id = BenchmarkRequest.InstanceId;
        if (!reading.DryRun && await client.IsActiveAsync(Id, cancellationToken))
            return await client.CreateCheckStatusResponseAsync(request, Id, HttpStatusCode.Conflict, cancellationToken);
        try
        {
            SuitePlan plan = await planner.PlanAsync(wanted, cancellationToken);
            if (reading.DryRun)
            {
                await plans.SaveAsync(plan.Plan, cancellationToken);
                return await request.AnswerAsync(
                    HttpStatusCode.OK,
                    new
                    {
                        plan.Plan.Hash,
                        plan.Plan.Kind,
                        plan.Plan.Options,
                        plan.Plan.ToFill,
                        plan.Plan.Skipped,
                        plan.Plan.EstimatedSeconds,
                        plan.Plan.Partitions,
                        models = plan.Work.Models,
                        plan.Work.MemoryMb,
                        plan.Work.Cpus,
                    },
                    cancellationToken
                );
            }

            await plans.CheckAsync(wanted.PlanHash, plan.Plan, cancellationToken);
            await LetGoAsync(plan.Plan, client, cancellationToken);
        }
        catch (PlanStaleException stale)
        {
            return await request.RefuseAsync(
                HttpStatusCode.Conflict,
                new { error = stale.Message, difference = stale.Difference },
                cancellationToken
            );
        }
        catch (AmazonS3Exception error)
        {
            return await request.RefuseAsync(
                HttpStatusCode.BadGateway,
                $"The bucket {options.Bucket} cannot be read: {error.ErrorCode} {error.Message}",
                cancellationToken
            );
        }

        try
        {
            await client.ScheduleNewOrchestrationInstanceAsync(
                nameof(BenchmarkSuite),
                wanted,
                new StartOrchestrationOptions(Id).WithDedupeStatuses(Active),
                cancellationToken
            );
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // A concurrent start was first: each host has its own exception for that.
            if (!await client.IsActiveAsync(Id, cancellationToken))
                throw;
            return await client.CreateCheckStatusResponseAsync(request, Id, HttpStatusCode.Conflict, cancellationToken);
        }

        return await client.CreateCheckStatusResponseAsync(request, Id, cancellationToken);
    }

    /// <summary>The definition table with the newest result of each model.</summary>
    [Function("ReadBenchmark")]
    public async Task<HttpResponseData> ReadAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "benchmark")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        Dictionary<string, ResultRow> newest = (await table.NewestAsync(cancellationToken)).ToDictionary(row => row.Model);
        return await request.AnswerAsync(
            HttpStatusCode.OK,
            new
            {
                options.Alias,
                models = BenchmarkModels
                    .All.Select(model => (Model: model, Row: newest.GetValueOrDefault(model.Name)))
                    .Select(pair => new
                    {
                        model = pair.Model.Name,
                        pair.Model.Title,
                        pair.Model.Framework,
                        data = pair.Row?.DataSet ?? pair.Model.DataSet,
                        pair.Model.Priority,
                        pair.Model.MemoryMb,
                        pair.Model.Cpus,
                        leastAccuracy = pair.Model.LeastAccuracy,
                        state = pair.Row?.State.ToString() ?? "Never",
                        pair.Row?.Reason,
                        pair.Row?.Accuracy,
                        pair.Row?.F1,
                        pair.Row?.TestLoss,
                        pair.Row?.TrainSeconds,
                        pair.Row?.ModelBytes,
                        pair.Row?.Version,
                        pair.Row?.RunId,
                        pair.Row?.FinishedAt,
                        pair.Row?.MlflowRunId,
                        tracking = pair.Row?.Tracking,
                    }),
            },
            cancellationToken
        );
    }

    /// <summary>The newest comparison; <c>?format=json|markdown|svg</c>, <c>?run=RUN</c>.</summary>
    [Function("ReadBenchmarkComparison")]
    public async Task<HttpResponseData> CompareAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "benchmark/comparison")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        FieldValues values = await request.ReadFieldsAsync(ComparisonFields, cancellationToken);
        (string format, string? run) = (values.Choice("format"), values.Text("run"));
        if (values.Errors.Count > 0)
            return await request.RefuseAsync(values, cancellationToken);
        if (await table.ReadReportAsync(run, cancellationToken) is not { } report)
            return await request.RefuseAsync(HttpStatusCode.NotFound, "No suite has ended yet, or none of that run.", cancellationToken);
        if (format == "json")
            return await request.AnswerAsync(HttpStatusCode.OK, JsonSerializer.Deserialize<JsonElement>(report.Json), cancellationToken);
        HttpResponseData response = request.CreateResponse(HttpStatusCode.OK);
        response.Headers.Add("Content-Type", format == "svg" ? "image/svg+xml" : "text/markdown; charset=utf-8");
        await response.WriteStringAsync(format == "svg" ? report.Chart : report.Markdown, cancellationToken);
        return response;
    }

    /// <summary>Results of a model with their learning curves, newest first, and its versions with their aliases.</summary>
    [Function("ReadBenchmarkModel")]
    public async Task<HttpResponseData> ReadModelAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "benchmark/models/{model}")] HttpRequestData request,
        string model,
        CancellationToken cancellationToken
    ) =>
        BenchmarkModels.Find(model) is { } definition
            ? await request.AnswerAsync(
                HttpStatusCode.OK,
                new
                {
                    definition,
                    versions = await table.VersionsAsync(model, cancellationToken),
                    results = await table.OfModelAsync(model, 20, cancellationToken),
                },
                cancellationToken
            )
            : await UnknownAsync(request, model, cancellationToken);

    /// <summary>Moves the alias back: <c>{"version": 2, "reason": "…"}</c>; without a version, to the previous one.</summary>
    [Function("RollBackBenchmarkModel")]
    public async Task<HttpResponseData> RollBackAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "benchmark/models/{model}/rollback")] HttpRequestData request,
        string model,
        CancellationToken cancellationToken
    )
    {
        if (BenchmarkModels.Find(model) is null)
            return await UnknownAsync(request, model, cancellationToken);
        FieldValues values = await request.ReadFieldsAsync(RollbackFields, cancellationToken);
        int? version = values.Has("version") ? values.Whole("version") : null;
        string reason = values.Text("reason")!;
        if (values.Errors.Count > 0)
            return await request.RefuseAsync(values, cancellationToken);
        try
        {
            (int from, int to) = await table.RollBackAsync(model, options.Alias, version, reason, cancellationToken);
            string told = await SendAliasesAsync(cancellationToken);
            await outbox.AddAsync(
                $"benchmark:{model}:rollback:{Guid.NewGuid():N}",
                NotificationEvent.Completed,
                $"benchmark {model}: {options.Alias} moved back to version {to}",
                $"From version {from} to {to}: {reason}",
                cancellationToken
            );
            return await request.AnswerAsync(
                HttpStatusCode.OK,
                new
                {
                    model,
                    options.Alias,
                    from,
                    to,
                    reason,
                    mlflow = told,
                },
                cancellationToken
            );
        }
        catch (NoSuchVersionException none)
        {
            return await request.RefuseAsync(HttpStatusCode.Conflict, none.Message, cancellationToken);
        }
    }

    /// <summary>Sends every record the tracking server does not have, once.</summary>
    [Function("ExportBenchmark")]
    public async Task<HttpResponseData> ExportAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "benchmark/export")] HttpRequestData request,
        CancellationToken cancellationToken
    )
    {
        try
        {
            ExportResult result = await tracker.ExportAsync(cancellationToken);
            return await request.AnswerAsync(
                result.Waiting.Count == 0 ? HttpStatusCode.OK : HttpStatusCode.BadGateway,
                result,
                cancellationToken
            );
        }
        catch (NoTrackingServerException none)
        {
            return await request.RefuseAsync(HttpStatusCode.UnprocessableEntity, none.Message, cancellationToken);
        }
    }

    private async Task<string> SendAliasesAsync(CancellationToken cancellationToken)
    {
        if (!options.HasMlflow)
            return "no server; an export tells it";
        try
        {
            await tracker.SendAliasesAsync(cancellationToken);
            return "told";
        }
        catch (Exception error) when (error is MlflowUnavailableException or MlflowRefusedException)
        {
            return $"not told yet, an export does it: {error.Message}";
        }
    }

    /// <summary>Claims of suites that ended without releasing them.</summary>
    private async Task LetGoAsync(Plan plan, DurableTaskClient client, CancellationToken cancellationToken)
    {
        Dictionary<string, PartitionRecord> ledger = await partitions.ReadAsync(plan.Kind, cancellationToken);
        foreach (
            string runId in plan
                .Partitions.Select(partition => ledger.GetValueOrDefault(partition.Key)?.ClaimedBy)
                .OfType<string>()
                .Distinct()
        )
        {
            if (!await client.IsActiveAsync(RunLedger.InstanceOf(runId), cancellationToken))
                await partitions.ReleaseAsync(runId, cancellationToken);
        }
    }

    private static Task<HttpResponseData> UnknownAsync(HttpRequestData request, string model, CancellationToken cancellationToken) =>
        request.RefuseAsync(
            HttpStatusCode.NotFound,
            new
            {
                error = $"There is no model '{(model.Length <= 60 ? model : model[..60])}'; "
                    + $"there are {string.Join(", ", BenchmarkModels.All.Select(one => one.Name))}.",
            },
            cancellationToken
        );
}
