using System.Net;
using System.Net.Mail;

namespace Durable.Operations.Notifications;

/// <summary>Plain text mail over SMTP, one message to all receivers. Its Message-ID is the same at every try.</summary>
internal sealed class MailChannel(NotificationOptions options) : INotificationChannel
{
    public string Name => "mail";

    public string Host => options.SmtpHost;

    public async Task SendAsync(Notification message, CancellationToken cancellationToken)
    {
        try
        {
            using MailMessage mail = new() { From = new MailAddress(options.MailFrom), Subject = OneLine(message.Subject), Body = message.Body };
            foreach (string receiver in options.MailTo.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)) mail.To.Add(new MailAddress(receiver));
            mail.Headers.Add("Message-ID", FormattableString.Invariant($"<durable-{message.Id}-{message.CreatedUtc:yyyyMMddHHmmss}@{mail.From.Host}>"));
            mail.Headers.Add("X-Durable-Event", message.Event);
            using SmtpClient client = new(options.SmtpHost, options.SmtpPort) { EnableSsl = options.SmtpTls };
            if (options.SmtpUser.Length > 0) client.Credentials = new NetworkCredential(options.SmtpUser, options.SmtpPassword);
            await client.SendMailAsync(mail, cancellationToken);
        }
        catch (Exception error) when (error is SmtpException or FormatException)
        {
            throw new DeliveryFailedException(error.InnerException is { } inner ? $"{error.Message} {inner.Message}" : error.Message);
        }
    }

    // A line break would begin another header.
    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
