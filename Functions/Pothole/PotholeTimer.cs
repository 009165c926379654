using Durable.Functions.Http;
using Durable.Operations.Plans;
using Durable.Orchestrations.Pothole;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Pothole;

/// <summary>Runs the previous Korean day at 10:00 Korean time, which is 01:00 UTC all year. Does nothing while the pipeline is
/// off.</summary>
public sealed class PotholeTimer(PotholeOptions options, PotholeSteps steps, StartLock starts, TimeProvider clock)
{
    [Function("TickPotholePipeline")]
    public async Task TickAsync(
        [TimerTrigger("0 0 1 * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return;
        DateOnly day = RunDates.Previous(clock.GetUtcNow());
        PotholeRequest request = new(RunDates.Text(day));
        await using IAsyncDisposable turn = await starts.HoldAsync(PotholeHttp.Subject, cancellationToken);
        if (
            await client.FindActiveAsync(day, day, cancellationToken) is not null
            || (await steps.ReadAsync(request.Date, cancellationToken)).ContainsKey(PotholePlanner.Load)
        )
            return;
        await client.TryStartAsync(nameof(PotholePipeline), request.InstanceId, request, cancellationToken);
    }
}
