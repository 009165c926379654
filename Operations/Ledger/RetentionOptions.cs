using System.ComponentModel.DataAnnotations;

namespace Durable.Operations.Ledger;

/// <summary>How long records are kept; settings <c>Retention__…</c> and <c>Durable__InstanceRetention</c>. Zero keeps forever. Leases and their receipts are never
/// deleted.</summary>
public sealed class RetentionOptions
{
    /// <summary>Closed runs with their gates, and plans. Default 400 days: a yearly run can be compared with the one before.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "36500.00:00:00", ErrorMessage = "Retention__Ledger must be from 0 (keeps) to 36500.00:00:00.")]
    public TimeSpan Ledger { get; init; } = TimeSpan.FromDays(400);

    /// <summary>Notifications with their deliveries. Default 400 days.</summary>
    [Range(
        typeof(TimeSpan),
        "00:00:00",
        "36500.00:00:00",
        ErrorMessage = "Retention__Notifications must be from 0 (keeps) to 36500.00:00:00."
    )]
    public TimeSpan Notifications { get; init; } = TimeSpan.FromDays(400);

    /// <summary>Ended instances with their history, for the app to purge. Default 0, because the embedded host purges by itself; on the
    /// Azure Functions host 30 days after the end.</summary>
    [Range(
        typeof(TimeSpan),
        "00:00:00",
        "36500.00:00:00",
        ErrorMessage = "Durable__InstanceRetention must be from 0 (keeps) to 36500.00:00:00."
    )]
    public TimeSpan Instances { get; set; }
}
