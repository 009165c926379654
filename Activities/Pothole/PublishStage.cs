using System.Text.Json;
using Durable.Operations.Ledger;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Pothole;

/// <summary>Checks that a stage's output is complete and its metrics are within limits, swaps it into the day's partition and records the
/// step as done.</summary>
/// <remarks>Safe to run twice and to be killed anywhere: the step is recorded last.</remarks>
/// <exception cref="StageOutputException">The output is not that of a finished stage; permanent.</exception>
/// <exception cref="DataGateException">A metric is out of range; nothing was swapped; permanent.</exception>
public sealed class PublishStage(PotholeStorage storage, PotholeSteps steps, DataGates gates, PotholeOptions options)
{
    [Function(nameof(PublishStage))]
    public async Task<StepDone> RunAsync([ActivityTrigger] StageOutput output, CancellationToken cancellationToken)
    {
        Stage stage =
            Stages.Of(options).FirstOrDefault(stage => stage.Name == output.Stage.Name)
            ?? throw new StageOutputException($"There is no stage '{output.Stage.Name}' any more; start the day again.");
        JsonElement metrics = await storage.ReadMetricsAsync(output.Stage, output.JobId, cancellationToken);
        string subject = $"{output.Run.Date}/{stage.Name}";
        await gates.CheckAsync(output.Run.RunId, [.. stage.Rows.Select(limit => Measure(limit, metrics, subject))], cancellationToken);
        await storage.PublishAsync(output.Stage, output.JobId, PotholeStorage.Partition(stage.Output, output.Run.Date), cancellationToken);
        StepDone done = new(stage.Name, (long)Number(metrics, "rows_out"), Numbers(metrics));
        await steps.DoneAsync(output.Run.Date, output.Run.RunId, output.Stage.Fingerprint, done, cancellationToken);
        return done;
    }

    /// <summary>The metrics that are numbers, e.g. <c>rows_in 64139, rows_too_far 0</c>.</summary>
    private static string Numbers(JsonElement metrics) =>
        string.Join(
            ", ",
            metrics
                .EnumerateObject()
                .Where(metric => metric.Value.ValueKind == JsonValueKind.Number)
                .Select(metric => $"{metric.Name} {metric.Value}")
        );

    private static DataGate Measure(MetricLimit limit, JsonElement metrics, string subject)
    {
        double value = Number(metrics, limit.Metric);
        if (limit.Of is null)
            return new DataGate(limit.Metric, subject, value, limit.AtLeast, limit.AtMost);
        double whole = Number(metrics, limit.Of);
        return new DataGate($"{limit.Metric}_share", subject, whole == 0 ? 0 : value / whole, limit.AtLeast, limit.AtMost);
    }

    private static double Number(JsonElement metrics, string name) =>
        metrics.TryGetProperty(name, out JsonElement value) && value.TryGetDouble(out double number)
            ? number
            : throw new StageOutputException($"The stage's metrics have no number '{name}'.");
}
