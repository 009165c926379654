namespace Durable.Operations.Notifications;

/// <summary>A message of the outbox.</summary>
/// <param name="Id">The same at every try: a receiver can tell a repetition.</param>
/// <param name="Event">Text of a <see cref="NotificationEvent"/>, passed on as it was stored.</param>
public sealed record Notification(long Id, string Event, string Subject, string Body, DateTime CreatedUtc);

/// <summary>A way to people.</summary>
internal interface INotificationChannel
{
    /// <summary>Stored with each delivery; never changes.</summary>
    string Name { get; }

    /// <summary>Checked against the allow-list before anything is sent.</summary>
    string Host { get; }

    /// <summary>Sends one message.</summary>
    /// <exception cref="DeliveryFailedException">It was not taken; trying again may help.</exception>
    Task SendAsync(Notification message, CancellationToken cancellationToken);
}

/// <summary>A channel did not take a message.</summary>
internal sealed class DeliveryFailedException(string reason) : Exception(reason);
