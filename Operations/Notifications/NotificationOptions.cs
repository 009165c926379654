using System.ComponentModel.DataAnnotations;

namespace Durable.Operations.Notifications;

/// <summary>Where notifications go, and how often; settings <c>Notification…</c>. With nothing configured, they stay in the
/// outbox.</summary>
public sealed class NotificationOptions
{
    /// <summary>Slack-compatible webhook; null: none.</summary>
    public Uri? Webhook { get; init; }

    /// <summary>Any other webhook, for JSON signed with <see cref="HookSecret"/>; null: none.</summary>
    public Uri? Hook { get; init; }

    /// <summary>Signing key, at least 16 characters; required with <see cref="Hook"/>.</summary>
    public string HookSecret { get; init; } = "";

    /// <summary>Mail server; empty: no mail.</summary>
    public string SmtpHost { get; init; } = "";

    /// <summary>Default 587.</summary>
    [Range(1, 65535, ErrorMessage = "NotificationSmtpPort must be from 1 to 65535.")]
    public int SmtpPort { get; init; } = 587;

    /// <summary>Encrypts with STARTTLS, on port 465 from the first byte; fails if the server cannot. Default true.</summary>
    public bool SmtpTls { get; init; } = true;

    /// <summary>Empty: no login.</summary>
    public string SmtpUser { get; init; } = "";

    public string SmtpPassword { get; init; } = "";

    /// <summary>Sender of mails; required with <see cref="SmtpHost"/>.</summary>
    public string MailFrom { get; init; } = "";

    /// <summary>Recipients, comma-separated; required with <see cref="SmtpHost"/>.</summary>
    public string MailTo { get; init; } = "";

    /// <summary>The only hosts notifications go to, comma-separated. Default hooks.slack.com.</summary>
    public string AllowedHosts { get; init; } = "hooks.slack.com";

    /// <summary>Messages per minute and channel; the rest waits. Default 20.</summary>
    [Range(1, 1000, ErrorMessage = "NotificationsPerMinute must be from 1 to 1000.")]
    public int PerMinute { get; init; } = 20;

    /// <summary>Attempts before a message is given up, 30 s to 1 h apart. Default 10.</summary>
    [Range(1, 100)]
    public int Attempts { get; init; } = 10;

    /// <summary>Reads the settings.</summary>
    /// <exception cref="ValidationException">A value is out of range, or half of a channel is missing; the message names the
    /// setting.</exception>
    public static NotificationOptions Read(Microsoft.Extensions.Configuration.IConfiguration settings)
    {
        NotificationOptions options = new()
        {
            Webhook = Address("NotificationWebhook"),
            Hook = Address("NotificationHook"),
            HookSecret = settings["NotificationHookSecret"] ?? "",
            SmtpHost = settings["NotificationSmtpHost"] ?? "",
            SmtpPort = Number("NotificationSmtpPort", 587),
            SmtpTls = !string.Equals(settings["NotificationSmtpTls"], "false", StringComparison.OrdinalIgnoreCase),
            SmtpUser = settings["NotificationSmtpUser"] ?? "",
            SmtpPassword = settings["NotificationSmtpPassword"] ?? "",
            MailFrom = settings["NotificationMailFrom"] ?? "",
            MailTo = settings["NotificationMailTo"] ?? "",
            AllowedHosts = settings["NotificationAllowedHosts"] is { Length: > 0 } hosts ? hosts : "hooks.slack.com",
            PerMinute = Number("NotificationsPerMinute", 20),
        };
        options.Check();
        return options;

        Uri? Address(string name) =>
            settings[name] is not { Length: > 0 } text ? null
            : Uri.TryCreate(text, UriKind.Absolute, out Uri? address)
            && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback))
                ? address
            : throw new ValidationException($"{name} is not an https address."); // not quoted: it is a secret

        int Number(string name, int normal) =>
            settings[name] is not { Length: > 0 } text ? normal
            : int.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out int number) ? number
            : throw new ValidationException($"{name} is '{text}', which is not a number.");
    }

    /// <summary>Whether this host is allowed.</summary>
    public bool Allows(string host) =>
        AllowedHosts
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Contains(host, StringComparer.OrdinalIgnoreCase);

    private void Check()
    {
        Validator.ValidateObject(this, new ValidationContext(this), validateAllProperties: true);
        if (Hook is not null && HookSecret.Length < 16)
            throw new ValidationException("NotificationHook needs NotificationHookSecret, at least 16 characters.");
        if (SmtpHost.Length > 0 && (MailFrom.Length == 0 || MailTo.Length == 0))
            throw new ValidationException("NotificationSmtpHost needs NotificationMailFrom and NotificationMailTo.");
    }
}
