using Durable.Functions.Http;
using Durable.Orchestrations.Pothole;
using Durable.Pipelines.Pothole;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Pothole;

/// <summary>Runs the Korean day before at 10:00 Korean time, which is 01:00 UTC all year. Does nothing while the pipeline is not set up.</summary>
public sealed class PotholeTimer(PotholeOptions options, PotholeSteps steps, TimeProvider clock)
{
    [Function("TickPotholePipeline")]
    public async Task TickAsync([TimerTrigger("0 0 1 * * *")] TimerInfo timer, [DurableClient] DurableTaskClient client, CancellationToken cancellationToken)
    {
        if (!options.IsOn) return;
        PotholeRequest request = new(RunDates.Text(RunDates.Previous(clock.GetUtcNow())));
        if (await client.IsActiveAsync(request.InstanceId, cancellationToken) || (await steps.ReadAsync(request.Date, cancellationToken)).ContainsKey(PotholePlanner.Load)) return;
        await client.ScheduleNewOrchestrationInstanceAsync(nameof(PotholePipeline), request, new StartOrchestrationOptions(request.InstanceId), cancellationToken);
    }
}
