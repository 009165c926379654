using Durable.Functions.Http;
using Durable.Orchestrations.Returns;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Returns;

/// <summary>Trains every hour and predicts every ten minutes, one of each at a time. A tick is skipped while its predecessor runs;
/// <c>returns.ticks</c> records it.</summary>
public sealed class ReturnsTimers(ReturnsOptions options, ReturnsJournal journal)
{
    [Function("TickReturnsTraining")]
    public Task TrainAsync(
        [TimerTrigger("0 0 * * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) => TickAsync(client, "training", nameof(ReturnsTraining), new ReturnsRequest(), ReturnsRequest.InstanceId, cancellationToken);

    [Function("TickReturnsInference")]
    public Task PredictAsync(
        [TimerTrigger("0 */10 * * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) => TickAsync(client, "inference", nameof(ReturnsInference), null, ReturnsRequest.InferenceInstanceId, cancellationToken);

    private async Task TickAsync(
        DurableTaskClient client,
        string timer,
        string orchestration,
        object? input,
        string instanceId,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return;
        bool started = await client.TryStartAsync(orchestration, instanceId, input, cancellationToken);
        await journal.TickedAsync(
            timer,
            started ? TickOutcome.Started : TickOutcome.Skipped,
            started ? instanceId : $"{instanceId} has not ended",
            cancellationToken
        );
    }
}
