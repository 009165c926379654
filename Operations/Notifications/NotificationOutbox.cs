using System.Text.Json.Serialization;
using Durable.Operations.Ledger;
using Durable.Postgres;
using Npgsql;

namespace Durable.Operations.Notifications;

/// <summary>What a message is about.</summary>
[JsonConverter(typeof(StoredTextConverter<NotificationEvent>))]
public enum NotificationEvent
{
    /// <summary>A run failed.</summary>
    Failed,

    /// <summary>The first run that leaves nothing failed, after one that did.</summary>
    Recovered,

    /// <summary>A run did what it set out to do.</summary>
    Completed,

    /// <summary>A data gate did not pass.</summary>
    [JsonStringEnumMemberName("gate_failed")]
    GateFailed,

    /// <summary>Paid machines outlive their run, or their price is in doubt.</summary>
    [JsonStringEnumMemberName("cost_guard")]
    CostGuard,
}

/// <summary>Notifications. Added once per event of a run; delivered by <see cref="NotificationSender"/>.</summary>
public sealed class NotificationOutbox(NpgsqlDataSource database)
{
    /// <summary>Longest body stored; secrets are removed first, then it is truncated.</summary>
    private const int LongestBody = 3000;

    /// <summary>Adds a message. The same key again adds nothing.</summary>
    /// <param name="dedupeKey">Run and event.</param>
    public async Task AddAsync(
        string dedupeKey,
        NotificationEvent @event,
        string subject,
        string body,
        CancellationToken cancellationToken = default
    )
    {
        string safe = Redaction.Redact(body);
        await using NpgsqlCommand command = database.CreateCommand(
            """
            INSERT INTO operations.notifications (dedupe_key, event, subject, body) VALUES ($1, $2, $3, $4)
            ON CONFLICT (dedupe_key) DO NOTHING
            """
        );
        command.Parameters.Add(new() { Value = dedupeKey });
        command.Parameters.Add(new() { Value = @event.Text() });
        command.Parameters.Add(new() { Value = Redaction.Redact(subject) });
        command.Parameters.Add(new() { Value = safe.Length > LongestBody ? safe[..LongestBody] + " …" : safe });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Adds a message on how a run ended: failed, recovered (the first since a failure that leaves no failed partition of its
    /// kind) or completed.</summary>
    public async Task AddRunAsync(RunStatistics run, CancellationToken cancellationToken = default)
    {
        NotificationEvent @event =
            run.Failed > 0 || run.State == RunState.Failed ? NotificationEvent.Failed
            : await PreviousFailedAsync(run, cancellationToken) ? NotificationEvent.Recovered
            : NotificationEvent.Completed;
        string failures = string.Concat(run.Failures.Take(5).Select(failure => $"\n• {failure.Key}: {failure.Error}"));
        await AddAsync(
            $"{run.RunId}:{@event.Text()}",
            @event,
            $"{run.Kind} {@event.Text()}: {run.Completed}/{run.Total} partitions",
            FormattableString.Invariant(
                $"Run {run.RunId}: total {run.Total}, completed {run.Completed}, failed {run.Failed}, skipped {run.Skipped}, success rate {run.SuccessRatePercent:F2} %, {run.DurationSeconds:F1} s, {run.AverageSpeed:F2} partitions/s, {run.Fallbacks} values from defaults.{failures}"
            ),
            cancellationToken
        );
    }

    private async Task<bool> PreviousFailedAsync(RunStatistics run, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT event = 'failed' AND NOT EXISTS (SELECT FROM operations.partitions WHERE kind = $1 AND state = 'failed')
            FROM operations.notifications WHERE event IN ('failed', 'recovered') AND starts_with(subject, $1 || ' ')
            ORDER BY id DESC LIMIT 1
            """
        );
        command.Parameters.Add(new() { Value = run.Kind });
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }
}
