using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Operations.Notifications;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Operations;

/// <summary>Stops whatever outlives its lease or run, independent of the orchestration that should have stopped it. Every minute.</summary>
/// <remarks>The schedule is a literal: a setting that a host cannot resolve would drop the function, and with it the last guard of paid
/// machines.</remarks>
public sealed class ReaperTimer(LeaseReaper reaper, RunLedger ledger, NotificationSender sender)
{
    [Function("ReapClusters")]
    public async Task<ReaperRound> TickAsync(
        [TimerTrigger("0 * * * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        ReaperRound round = await reaper.ReapAsync(
            (instanceId, cancellation) => EndOfAsync(client, instanceId, cancellation),
            cancellationToken
        );
        int runs = await ledger.CloseEndedAsync(
            (instanceId, cancellation) => EndOfAsync(client, instanceId, cancellation),
            cancellationToken
        );
        if (round.Closed + round.Waiting + runs > 0)
            await sender.DeliverAsync(cancellationToken);
        return round;
    }

    private static async Task<string?> EndOfAsync(DurableTaskClient client, string instanceId, CancellationToken cancellationToken) =>
        await client.GetInstanceAsync(instanceId, cancellationToken) is not { } run ? "absent"
        : run.IsCompleted ? run.RuntimeStatus.ToString()
        : null;
}
