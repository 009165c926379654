using Durable.Pipelines.Benchmark.Results;
using Durable.Pipelines.Benchmark.Tracking;
using Microsoft.Extensions.Logging;

namespace Durable.Pipelines.Benchmark;

/// <summary>
/// Closes models whose orchestration ended without closing them (terminated, purged): here, in the ledger and on the tracking server, so
/// that no run stays <c>RUNNING</c>. Cancels models whose suite has ended. The lease reaper stops their jobs.
/// </summary>
public sealed partial class BenchmarkReaper(
    BenchmarkTable table,
    RunTracker tracker,
    BenchmarkOptions options,
    ILogger<BenchmarkReaper> logger
)
{
    /// <summary>One round. Safe to call at any time, also concurrently.</summary>
    /// <param name="endOf">How an orchestration instance ended (<c>Terminated</c>, <c>absent</c>, …); null while it runs.</param>
    /// <param name="cancel">Asks a running instance to end, with the reason.</param>
    /// <returns>Models closed.</returns>
    public async Task<int> ReapAsync(
        Func<string, CancellationToken, Task<string?>> endOf,
        Func<string, string, CancellationToken, Task> cancel,
        CancellationToken cancellationToken = default
    )
    {
        int closed = 0;
        foreach ((ModelKey key, string instanceId, string fingerprint, bool suiteEnded) in await table.OpenAsync(cancellationToken))
        {
            if (await endOf(instanceId, cancellationToken) is { } end)
            {
                ModelState state = end == "Terminated" ? ModelState.Cancelled : ModelState.Failed;
                await table.EndAsync(
                    new ModelEnd(key, state, $"{instanceId} is {end}: it ended without closing its model.", fingerprint),
                    options.Alias,
                    cancellationToken
                );
                closed++;
                await TrackAsync(key, cancellationToken);
            }
            else if (suiteEnded)
            {
                await cancel(instanceId, $"the suite {key.RunId} has ended", cancellationToken);
            }
        }

        if (options.HasMlflow)
            await tracker.ExportAsync(cancellationToken); // left over from an outage
        return closed;
    }

    private async Task TrackAsync(ModelKey key, CancellationToken cancellationToken)
    {
        if (!options.HasMlflow)
            return;
        try
        {
            await tracker.SendAsync(key, cancellationToken);
        }
        catch (Exception error) when (error is MlflowUnavailableException or MlflowRefusedException or ModelOutputException)
        {
            LogNotTracked(logger, key.RunId, key.Model, error.Message);
        }
    }

    [LoggerMessage(
        EventId = 2620,
        Level = LogLevel.Warning,
        Message = "The end of {Model} of {RunId} is not yet on the tracking server and waits for an export: {Reason}"
    )]
    private static partial void LogNotTracked(ILogger logger, string runId, string model, string reason);
}
