using Durable.Operations.Notifications;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Functions.Operations;

/// <summary>Tries notifications again that a webhook refused or that a run left behind. Runs also deliver their own at their end.</summary>
public sealed class NotificationTimer(NotificationSender sender)
{
    [Function("TickNotifications")]
    public Task<int> TickAsync([TimerTrigger("0 */5 * * * *")] TimerInfo timer, CancellationToken cancellationToken) =>
        sender.DeliverAsync(cancellationToken);
}
