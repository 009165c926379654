using Durable.Operations.Notifications;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Functions.Operations;

/// <summary>Retries notifications that a webhook refused or a run left undelivered. Runs also deliver their own at their end.</summary>
public sealed class NotificationTimer(NotificationSender sender)
{
    [Function("TickNotifications")]
    public Task<int> TickAsync([TimerTrigger("0 */5 * * * *")] TimerInfo timer, CancellationToken cancellationToken) =>
        sender.DeliverAsync(cancellationToken);
}
