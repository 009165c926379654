using Durable.Pipelines.Benchmark;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Benchmark;

/// <summary>Closes a model in the ledger; if it passed, registers a version and moves the alias to it. Safe to run twice: a run registers a
/// model once.</summary>
public sealed class EndModel(BenchmarkTable table, BenchmarkOptions options)
{
    [Function(nameof(EndModel))]
    public async Task<ModelOutcome> RunAsync([ActivityTrigger] ModelEnd end, CancellationToken cancellationToken)
    {
        int? version = await table.EndAsync(end, options.Alias, cancellationToken);
        ResultRow? row = await table.FindAsync(end.Key, cancellationToken);
        return new ModelOutcome(
            end.Key.Model,
            row?.State ?? end.State,
            row?.Reason ?? end.Reason,
            row?.Accuracy,
            row?.TrainSeconds,
            version
        );
    }
}
