using Durable.Operations.Ledger;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;

namespace Durable.Functions.Operations;

/// <summary>Rows and instances that one night deleted.</summary>
public sealed record RetentionTick(long Runs, long Plans, long Notifications, long Instances);

/// <summary>Deletes ledger rows, notifications and ended instances older than the settings <c>Retention__…</c> and
/// <c>Durable__InstanceRetention</c> allow, every night.</summary>
/// <remarks>The embedded host deletes ended instances by itself, all day long. The Azure Functions host keeps them until somebody purges
/// them. Safe to call at any time, also concurrently.</remarks>
public sealed class RetentionTimer(LedgerRetention retention, RetentionOptions options, TimeProvider clock)
{
    private static readonly OrchestrationRuntimeStatus[] Ended =
    [
        OrchestrationRuntimeStatus.Completed,
        OrchestrationRuntimeStatus.Failed,
        OrchestrationRuntimeStatus.Terminated,
    ];

    [Function("ApplyRetention")]
    public async Task<RetentionTick> TickAsync(
        [TimerTrigger("0 40 3 * * *")] TimerInfo timer,
        [DurableClient] DurableTaskClient client,
        CancellationToken cancellationToken
    )
    {
        RetentionRound rows = await retention.ApplyAsync(cancellationToken);
        return new RetentionTick(rows.Runs, rows.Plans, rows.Notifications, await PurgeEndedAsync(client, cancellationToken));
    }

    private async Task<long> PurgeEndedAsync(DurableTaskClient client, CancellationToken cancellationToken)
    {
        if (options.Instances <= TimeSpan.Zero)
            return 0;

        // The query knows when an instance was created, not when it ended: one that ran long is kept by the time of its last change.
        DateTimeOffset before = clock.GetUtcNow() - options.Instances;
        long purged = 0;
        await foreach (
            OrchestrationMetadata instance in client
                .GetAllInstancesAsync(new OrchestrationQuery { CreatedTo = before, Statuses = Ended })
                .WithCancellation(cancellationToken)
        )
        {
            if (instance.LastUpdatedAt < before)
                purged += (await client.PurgeInstanceAsync(instance.InstanceId, cancellationToken)).PurgedInstanceCount;
        }

        return purged;
    }
}
