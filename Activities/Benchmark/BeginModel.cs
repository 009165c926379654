using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Data;
using Durable.Pipelines.Benchmark.Tracking;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace Durable.Activities.Benchmark;

/// <summary>A model about to run.</summary>
/// <param name="InstanceId">Of that orchestration.</param>
public sealed record ModelStart(ModelOrder Order, string InstanceId);

/// <summary>Prepares a model's data and code on S3, opens its row, shows it as running on the tracking server, and returns its training
/// job. Starts nothing.</summary>
/// <remarks>Safe to run twice. An outage of the tracking server does not stop training.</remarks>
public sealed partial class BeginModel(
    BenchmarkPlanner planner,
    BenchmarkStorage storage,
    BenchmarkTable table,
    RunTracker tracker,
    ILogger<BeginModel> logger
)
{
    [Function(nameof(BeginModel))]
    public async Task<ModelJob> RunAsync([ActivityTrigger] ModelStart start, CancellationToken cancellationToken)
    {
        ModelOrder order = start.Order;
        ModelDefinition model = BenchmarkModels.Get(order.Key.Model);
        PreparedData? data = null;
        ModelJob job;
        try
        {
            data = await storage.PrepareAsync(model.DataSet, cancellationToken);
            job = planner.JobOf(order, data, await storage.UploadCodeAsync(cancellationToken));
        }
        catch (DataSetMissingException missing)
        {
            job = new ModelJob(null, missing.Message);
        }

        await table.BeginAsync(
            order,
            start.InstanceId,
            data,
            job.Order?.JobName,
            job.Order?.Parameters ?? model.Parameters,
            cancellationToken
        );
        try
        {
            await tracker.BeginAsync(order.Key, cancellationToken);
        }
        catch (Exception error) when (error is MlflowUnavailableException or MlflowRefusedException)
        {
            LogNotShown(logger, start.InstanceId, order.Key.Model, error.Message);
        }

        return job;
    }

    [LoggerMessage(
        EventId = 2601,
        Level = LogLevel.Warning,
        Message = "{InstanceId}: the tracking server does not show {Model} as running; its record follows at the end. {Reason}"
    )]
    private static partial void LogNotShown(ILogger logger, string instanceId, string model, string reason);
}
