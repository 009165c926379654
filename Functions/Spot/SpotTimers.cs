using Durable.Functions.Http;
using Durable.Operations.Plans;
using Durable.Orchestrations.Spot;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Spot;

/// <summary>A slot every ten minutes, and the next day's questions at 23:55 UTC. Does nothing while the collector is off.</summary>
/// <remarks>
/// A tick's slot is the ten minutes it fires in, allowing for hosts that fire up to a second early. A repeated tick, also after the clock
/// was set back, finds its slot running or stored. A missed tick is not made up: scores are available only at the time. A slot that runs
/// into the next one does not stop it.
/// </remarks>
public sealed class SpotTimers(SpotOptions options, SlotTable slots, StartLock starts, TimeProvider clock)
{
    private static readonly TimeSpan Early = TimeSpan.FromSeconds(5);

    [Function("TickSpotSlot")]
    public async Task TickSlotAsync(
        [TimerTrigger("0 */10 * * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return;
        SlotTime slot = SlotTime.Of(clock.GetUtcNow().UtcDateTime + Early);
        await using IAsyncDisposable turn = await starts.HoldAsync(SpotHttp.Subject, cancellationToken);
        if (
            await client.IsActiveAsync(slot.InstanceId, cancellationToken)
            || await slots.ReadAsync(slot, cancellationToken) is { State: SlotState.Present }
        )
            return;
        await client.TryStartAsync(nameof(SpotSlot), slot.InstanceId, new SlotRequest(slot.Text), cancellationToken);
    }

    [Function("TickSpotWorkload")]
    public async Task TickWorkloadAsync(
        [TimerTrigger("0 55 23 * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        if (!options.IsOn)
            return;

        // The day that starts within the next hours: a tick after midnight packs the current day.
        DateOnly day = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime.AddHours(1));
        WorkloadRequest request = new(day.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture));
        await client.TryStartAsync(nameof(SpotWorkload), request.InstanceId, request, cancellationToken);
    }
}
