using Durable.Functions.Http;
using Durable.Orchestrations.Climate;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Climate.Results;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.Configuration;

namespace Durable.Functions.Climate;

/// <summary>
/// The yearly schedule: P(H) on 1 January 02:00 and H at 04:00 Korean time. NCRONTAB runs in UTC by default, and Korea is UTC+9
/// all year, so both are written as 31 December UTC. H waits for P's gate however long P takes.
/// </summary>
/// <remarks>Setting <c>ClimateTimerOptions</c> holds the options of both as the JSON that the HTTP starts take; empty: everything, with the
/// defaults.</remarks>
public sealed class ClimateTimers(IConfiguration settings)
{
    [Function("TickProbabilityBatch")]
    public Task TickProbabilityAsync(
        [TimerTrigger("0 0 17 31 12 *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) => StartAsync(client, nameof(ProbabilityBatch), ProbabilityTable.Kind, Options, cancellationToken);

    [Function("TickHazardBatch")]
    public Task TickHazardAsync(
        [TimerTrigger("0 0 19 31 12 *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    ) => StartAsync(client, nameof(HazardBatch), HazardTable.Kind, Options with { AfterProbability = true }, cancellationToken);

    private ClimateRequest Options
    {
        get
        {
            ClimateRequestReading reading = ClimateRequestReader.Read(settings["ClimateTimerOptions"], []);
            return reading.Request
                ?? throw new InvalidOperationException(
                    $"Setting ClimateTimerOptions is invalid: {string.Join("; ", reading.Errors.Select(error => $"{error.Key}: {error.Value}"))}."
                );
        }
    }

    // An unfinished run, last year's or a manual one, does the same.
    private static Task StartAsync(
        DurableTaskClient client,
        string orchestration,
        string kind,
        ClimateRequest request,
        CancellationToken cancellationToken
    ) => client.TryStartAsync(orchestration, $"{kind}-{request.Fingerprint}", request, cancellationToken);
}
