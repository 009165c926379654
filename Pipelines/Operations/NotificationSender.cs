using System.Net.Http.Json;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Pipelines.Operations;

/// <summary>Where notifications go. Nothing configured: they stay in the outbox and are marked delivered to nobody.</summary>
public sealed class NotificationOptions
{
    /// <summary>Slack-compatible webhook (setting <c>NotificationWebhook</c>); empty: none.</summary>
    public Uri? Webhook { get; init; }

    /// <summary>Hosts a webhook may have (setting <c>NotificationAllowedHosts</c>, by comma). Default hooks.slack.com.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = ["hooks.slack.com"];

    /// <summary>Tries before a message is given up. Default 10, from 30 s to 1 h apart.</summary>
    public int Attempts { get; init; } = 10;
}

/// <summary>Delivers the outbox to a Slack-compatible webhook: <c>{"text": …}</c>, one message each, oldest first.</summary>
public sealed partial class NotificationSender(NpgsqlDataSource database, HttpClient http, NotificationOptions options, ILogger<NotificationSender> logger)
{
    private const int MostAtOnce = 20; // the rate limit: the rest waits for the next call

    /// <summary>Delivers what is due. Each message is locked while it is sent, so two hosts do not send it twice; a failed one is put off.</summary>
    /// <returns>Messages delivered.</returns>
    public async Task<int> DeliverAsync(CancellationToken cancellationToken = default)
    {
        if (options.Webhook is not { } webhook) return 0;
        if (!options.AllowedHosts.Contains(webhook.Host, StringComparer.OrdinalIgnoreCase))
        {
            LogHostRefused(logger, webhook.Host);
            return 0;
        }

        int delivered = 0;
        for (int sent = 0; sent < MostAtOnce; sent++)
        {
            await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
            if (await TakeAsync(connection, cancellationToken) is not { } message) break;

            string? error = await SendAsync(webhook, message, cancellationToken);
            await RecordAsync(connection, message.Id, error, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            if (error is null) delivered++;
            else LogFailed(logger, message.Id, error);
        }

        return delivered;
    }

    private async Task<(long Id, string Subject, string Body)?> TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new("""
            SELECT id, subject, body FROM operations.notifications
            WHERE delivered_at IS NULL AND next_try_at <= now() AND attempts < $1 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
            """, connection)
        {
            Parameters = { new() { Value = options.Attempts } },
        };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? (reader.GetInt64(0), reader.GetString(1), reader.GetString(2)) : null;
    }

    private async Task<string?> SendAsync(Uri webhook, (long Id, string Subject, string Body) message, CancellationToken cancellationToken)
    {
        try
        {
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromSeconds(10));
            using HttpResponseMessage response = await http.PostAsJsonAsync(webhook, new { text = $"*{message.Subject}*\n{message.Body}" }, limit.Token);
            return response.IsSuccessStatusCode ? null : $"HTTP {(int)response.StatusCode}";
        }
        catch (Exception error) when (error is HttpRequestException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return Redaction.Redact(error.Message);
        }
    }

    private static async Task RecordAsync(NpgsqlConnection connection, long id, string? error, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new("""
            UPDATE operations.notifications SET attempts = attempts + 1, last_error = $2, delivered_at = CASE WHEN $2 IS NULL THEN now() END,
                next_try_at = now() + least(interval '1 hour', interval '30 seconds' * power(2, attempts))
            WHERE id = $1
            """, connection)
        {
            Parameters = { new() { Value = id }, new() { Value = (object?)error ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(EventId = 2010, Level = LogLevel.Warning, Message = "Notification {Id} was not delivered and will be tried again: {Error}")]
    private static partial void LogFailed(ILogger logger, long id, string error);

    [LoggerMessage(EventId = 2011, Level = LogLevel.Warning, Message = "NotificationWebhook points to {Host}, which NotificationAllowedHosts does not name; nothing is sent.")]
    private static partial void LogHostRefused(ILogger logger, string host);
}
