namespace Durable.Operations.Notifications;

/// <summary>A message of the outbox.</summary>
/// <param name="Id">The same at every attempt, so that receivers can detect repeats.</param>
/// <param name="Event">Text of a <see cref="NotificationEvent"/>, passed on as it was stored.</param>
public sealed record Notification(long Id, string Event, string Subject, string Body, DateTime CreatedUtc);

/// <summary>A notification channel.</summary>
internal interface INotificationChannel
{
    /// <summary>Stored with each delivery; never changes.</summary>
    string Name { get; }

    /// <summary>Checked against the allow-list before sending.</summary>
    string Host { get; }

    /// <summary>Sends one message.</summary>
    /// <exception cref="DeliveryFailedException">It was not accepted; a retry may help.</exception>
    Task SendAsync(Notification message, CancellationToken cancellationToken);
}

/// <summary>A channel did not accept a message.</summary>
internal sealed class DeliveryFailedException(string reason) : Exception(reason);
