using Durable.Pipelines.Benchmark;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Benchmark;

/// <summary>A model that its suite does not run.</summary>
public sealed record ModelRefusal(ModelOrder Order, string InstanceId, ModelState State, string Reason);

/// <summary>Records a model that was not started: over the budget, or its suite was cancelled first. Safe to run twice.</summary>
public sealed class RefuseModel(BenchmarkTable table, BenchmarkOptions options)
{
    [Function(nameof(RefuseModel))]
    public async Task<ModelOutcome> RunAsync([ActivityTrigger] ModelRefusal refusal, CancellationToken cancellationToken)
    {
        await table.BeginAsync(
            refusal.Order,
            refusal.InstanceId,
            null,
            null,
            BenchmarkModels.Get(refusal.Order.Key.Model).Parameters,
            cancellationToken
        );
        await table.EndAsync(
            new ModelEnd(refusal.Order.Key, refusal.State, refusal.Reason, refusal.Order.Fingerprint),
            options.Alias,
            cancellationToken
        );
        return new ModelOutcome(refusal.Order.Key.Model, refusal.State, refusal.Reason, null, null, null);
    }
}
