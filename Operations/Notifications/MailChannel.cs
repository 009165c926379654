using System.Net.Sockets;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Durable.Operations.Notifications;

/// <summary>Plain text mail over SMTP, one message to all recipients. Its Message-ID is the same at every attempt.</summary>
internal sealed class MailChannel(NotificationOptions options) : INotificationChannel
{
    private const int ImplicitTlsPort = 465; // RFC 8314: encrypted from the first byte

    public string Name => "mail";

    public string Host => options.SmtpHost;

    public async Task SendAsync(Notification message, CancellationToken cancellationToken)
    {
        try
        {
            using MimeMessage mail = Compose(message);
            using SmtpClient client = new();
            await client.ConnectAsync(options.SmtpHost, options.SmtpPort, Security, cancellationToken);
            if (options.SmtpUser.Length > 0)
                await client.AuthenticateAsync(options.SmtpUser, options.SmtpPassword, cancellationToken);
            await client.SendAsync(mail, cancellationToken);
            await client.DisconnectAsync(quit: true, cancellationToken);
        }
        catch (Exception error)
            when (error
                    is ProtocolException
                        or CommandException
                        or ServiceNotConnectedException
                        or ServiceNotAuthenticatedException
                        or AuthenticationException
                        or SslHandshakeException
                        or SocketException
                        or IOException
                        or ParseException
                        or NotSupportedException
            )
        {
            throw new DeliveryFailedException(error.Message);
        }
    }

    private SecureSocketOptions Security =>
        !options.SmtpTls ? SecureSocketOptions.None
        : options.SmtpPort == ImplicitTlsPort ? SecureSocketOptions.SslOnConnect
        : SecureSocketOptions.StartTls;

    private MimeMessage Compose(Notification message)
    {
        MailboxAddress from = MailboxAddress.Parse(options.MailFrom);
        MimeMessage mail = new()
        {
            Subject = OneLine(message.Subject),
            Body = new TextPart("plain") { Text = message.Body },
        };
        mail.From.Add(from);
        foreach (string receiver in options.MailTo.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            mail.To.Add(MailboxAddress.Parse(receiver));
        mail.MessageId = FormattableString.Invariant($"durable-{message.Id}-{message.CreatedUtc:yyyyMMddHHmmss}@{from.Domain}");
        mail.Headers.Add("X-Durable-Event", message.Event);
        return mail;
    }

    // A line break would start another header.
    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
