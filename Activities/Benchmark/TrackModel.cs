using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Tracking;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Benchmark;

/// <summary>Sends a model's record and the aliases to the tracking server. Safe to run twice: nothing is duplicated. Without a server it
/// does nothing.</summary>
/// <exception cref="MlflowUnavailableException">The server does not answer; the record waits for an export.</exception>
public sealed class TrackModel(RunTracker tracker, BenchmarkOptions options)
{
    [Function(nameof(TrackModel))]
    public async Task<bool> RunAsync([ActivityTrigger] ModelKey key, CancellationToken cancellationToken)
    {
        if (!options.HasMlflow)
            return false;
        await tracker.SendAsync(key, cancellationToken);
        await tracker.SendAliasesAsync(cancellationToken);
        return true;
    }
}
