using Durable.Operations.Notifications;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Delivers due messages of the outbox. A failed channel is retried later and never fails a run.</summary>
/// <returns>Messages delivered.</returns>
public sealed class DeliverNotifications(NotificationSender sender)
{
    [Function(nameof(DeliverNotifications))]
    public Task<int> RunAsync([ActivityTrigger] string? unused, CancellationToken cancellationToken) =>
        sender.DeliverAsync(cancellationToken);
}
