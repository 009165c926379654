using Durable.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Operations.Notifications;

/// <summary>Delivers the outbox to every configured channel, oldest first. A failed channel is retried later and does not delay the
/// others.</summary>
public sealed partial class NotificationSender
{
    /// <summary>Older messages are not sent.</summary>
    private const string Freshness = "interval '24 hours'";

    private static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(10);

    private readonly NpgsqlDataSource database;
    private readonly NotificationOptions options;
    private readonly ILogger<NotificationSender> logger;
    private readonly IReadOnlyList<INotificationChannel> channels;

    /// <param name="http">Must not follow redirects: they bypass the allow-list.</param>
    public NotificationSender(
        NpgsqlDataSource database,
        HttpClient http,
        NotificationOptions options,
        TimeProvider clock,
        ILogger<NotificationSender> logger
    )
    {
        this.database = database;
        this.options = options;
        this.logger = logger;
        List<INotificationChannel> wanted = [];
        if (options.Webhook is { } slack)
            wanted.Add(new SlackChannel(http, slack));
        if (options.Hook is { } hook)
            wanted.Add(new HookChannel(http, hook, options.HookSecret, clock));
        if (options.SmtpHost.Length > 0)
            wanted.Add(new MailChannel(options));
        channels = wanted;
    }

    /// <summary>Delivers due messages, within the rate limit. Each delivery is locked while it is sent, so two hosts do not send it
    /// twice.</summary>
    /// <returns>Messages delivered, counted per channel.</returns>
    public async Task<int> DeliverAsync(CancellationToken cancellationToken = default)
    {
        int delivered = 0;
        foreach (INotificationChannel channel in channels)
        {
            if (options.Allows(channel.Host))
                delivered += await DeliverAsync(channel, cancellationToken);
            else
                LogHostRefused(logger, channel.Name, channel.Host);
        }

        return delivered;
    }

    private async Task<int> DeliverAsync(INotificationChannel channel, CancellationToken cancellationToken)
    {
        await PlanAsync(channel.Name, cancellationToken);
        int delivered = 0;
        while (true)
        {
            await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
            if (await TakeAsync(connection, channel.Name, cancellationToken) is not { } message)
                return delivered;

            string? error = await SendAsync(channel, message, cancellationToken);
            await RecordAsync(connection, message.Id, channel.Name, error, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            if (error is null)
                delivered++;
            else
                LogFailed(logger, message.Id, channel.Name, error);
        }
    }

    /// <summary>Plans a delivery for each message that has none on a channel.</summary>
    private async Task PlanAsync(string channel, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            $"""
            INSERT INTO operations.notification_deliveries (notification_id, channel)
            SELECT id, $1 FROM operations.notifications WHERE created_at > now() - {Freshness} ON CONFLICT DO NOTHING
            """
        );
        command.Parameters.Add(new() { Value = channel });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Locks the oldest due message of a channel; null when there is none, or when the channel has reached its limit for this
    /// minute.</summary>
    private async Task<Notification?> TakeAsync(NpgsqlConnection connection, string channel, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand take = new(
            $"""
            SELECT n.id, n.event, n.subject, n.body, n.created_at FROM operations.notification_deliveries AS d
            JOIN operations.notifications AS n ON n.id = d.notification_id
            WHERE d.channel = $1 AND d.delivered_at IS NULL AND d.next_try_at <= now() AND d.attempts < $2
                AND n.created_at > now() - {Freshness}
                AND (SELECT count(*) FROM operations.notification_deliveries AS recent WHERE recent.channel = $1
                    AND recent.tried_at > now() - interval '1 minute') < $3
            ORDER BY n.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED
            """,
            connection
        )
        {
            Parameters =
            {
                new() { Value = channel },
                new() { Value = options.Attempts },
                new() { Value = options.PerMinute },
            },
        };
        await using NpgsqlDataReader reader = await take.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new Notification(reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetDateTime(4))
            : null;
    }

    private static async Task<string?> SendAsync(INotificationChannel channel, Notification message, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(SendLimit);
        try
        {
            await channel.SendAsync(message, limit.Token);
            return null;
        }
        catch (DeliveryFailedException error)
        {
            return Redaction.Redact(error.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"no answer within {SendLimit.TotalSeconds} s";
        }
    }

    private static async Task RecordAsync(
        NpgsqlConnection connection,
        long id,
        string channel,
        string? error,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            """
            UPDATE operations.notification_deliveries
            SET attempts = attempts + 1, tried_at = clock_timestamp(), last_error = $3, delivered_at =
                CASE WHEN $3 IS NULL THEN clock_timestamp() END,
                next_try_at = now() + least(interval '1 hour', interval '30 seconds' * power(2, attempts))
            WHERE notification_id = $1 AND channel = $2
            """,
            connection
        )
        {
            Parameters =
            {
                new() { Value = id },
                new() { Value = channel },
                new() { Value = (object?)error ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(
        EventId = 2010,
        Level = LogLevel.Warning,
        Message = "Notification {Id} was not delivered by {Channel} and will be retried: {Error}"
    )]
    private static partial void LogFailed(ILogger logger, long id, string channel, string error);

    [LoggerMessage(
        EventId = 2011,
        Level = LogLevel.Warning,
        Message = "The notification channel {Channel} goes to {Host}, which is not in NotificationAllowedHosts; nothing is sent there."
    )]
    private static partial void LogHostRefused(ILogger logger, string channel, string host);
}
