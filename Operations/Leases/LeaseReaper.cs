using Durable.Operations.Notifications;
using Durable.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Operations.Leases;

/// <summary>Result of one round.</summary>
/// <param name="Closed">Leases closed, with proof.</param>
/// <param name="Waiting">Leases that should have ended but whose machines are not yet proven off.</param>
public sealed record ReaperRound(int Closed, int Waiting);

/// <summary>
/// Stops the machines of every lease that is past its deadline or whose run has ended without stopping them, until the provider reports
/// them off. Uses force if a normal stop does not help; sends one alarm per such lease. Needs no running orchestration.
/// </summary>
public sealed partial class LeaseReaper(
    NpgsqlDataSource database,
    LeaseKeeper leases,
    NotificationOutbox outbox,
    ILogger<LeaseReaper> logger
)
{
    /// <summary>Time from the first stop call to a forced one.</summary>
    private static readonly TimeSpan ForceAfter = TimeSpan.FromMinutes(3);

    /// <summary>One round over all open leases. Safe to call at any time, also concurrently. A failure at one lease does not delay the
    /// others.</summary>
    /// <param name="endOf">How an orchestration instance ended (<c>Terminated</c>, <c>absent</c>, …); null while it runs.</param>
    public async Task<ReaperRound> ReapAsync(
        Func<string, CancellationToken, Task<string?>> endOf,
        CancellationToken cancellationToken = default
    )
    {
        int closed = 0,
            waiting = 0;
        foreach ((LeaseRow lease, bool superseded) in await ReadAsync(MachineLeases.OpenLeasesAsync, cancellationToken))
        {
            if (await ReasonAsync(lease, superseded, endOf, cancellationToken) is not { } reason)
                continue;
            if (await ReapAsync(lease, reason, cancellationToken))
                closed++;
            else
                waiting++;
        }

        foreach (LeaseRow lease in await ReadAsync(MachineLeases.UnconfirmedAsync, cancellationToken))
            await StopLateStartAsync(lease, cancellationToken);
        return new ReaperRound(closed, waiting);
    }

    private async Task<bool> ReapAsync(LeaseRow lease, string reason, CancellationToken cancellationToken)
    {
        if (lease.IsHeld)
        {
            await outbox.AddAsync(
                $"{lease.LeaseId}:overrun",
                NotificationEvent.CostGuard,
                $"{lease.Cluster} outlived its run",
                FormattableString.Invariant(
                    $"Lease {lease.LeaseId} (deadline {lease.Deadline:u}): {reason}. Stopping {string.Join(", ", lease.MachineIds)}."
                ),
                cancellationToken
            );
        }

        try
        {
            bool force = lease.StopCalledAt is { } called && lease.Now - called > ForceAfter;
            LeaseReceipt receipt = await leases.StopAsync(lease.LeaseId, force, LeaseCloser.Reaper, cancellationToken);
            LogReaped(
                logger,
                lease.LeaseId,
                reason,
                receipt.Proven ? "proven off"
                    : force ? "forced, not off yet"
                    : "asked to stop, not off yet"
            );
            if (receipt is { Proven: true, ClosedBy: LeaseCloser.Reaper, GrantedUtc: not null })
                await outbox.AddAsync(
                    $"{lease.LeaseId}:reaped",
                    NotificationEvent.CostGuard,
                    $"{lease.Cluster} was stopped by the reaper",
                    receipt.ToString(),
                    cancellationToken
                );
            return receipt.Proven;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            LogFailed(logger, lease.LeaseId, reason, Redaction.Redact(error.Message)); // recorded with the lease; the next round retries
            return false;
        }
    }

    /// <summary>Why a lease must end now; null: it need not.</summary>
    private async Task<string?> ReasonAsync(
        LeaseRow lease,
        bool superseded,
        Func<string, CancellationToken, Task<string?>> endOf,
        CancellationToken cancellationToken
    )
    {
        if (lease.IsOverdue)
            return "it is past its deadline";
        if (superseded)
            return $"{lease.InstanceId} was started again";
        try
        {
            return await endOf(lease.InstanceId, cancellationToken) is { } end ? $"{lease.InstanceId} is {end}" : null;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            LogUnknown(logger, lease.InstanceId, lease.LeaseId, Redaction.Redact(error.Message)); // its deadline still holds
            return null;
        }
    }

    private async Task StopLateStartAsync(LeaseRow lease, CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlyList<string> running = await leases.StopLateStartAsync(lease, cancellationToken);
            if (running.Count > 0)
            {
                await outbox.AddAsync(
                    $"{lease.LeaseId}:late",
                    NotificationEvent.CostGuard,
                    $"{lease.Cluster} came on after its lease",
                    FormattableString.Invariant(
                        $"A start call of lease {lease.LeaseId}, closed {lease.ClosedAt:u}, took effect late: {string.Join(", ", running)} are being stopped."
                    ),
                    cancellationToken
                );
            }
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            LogFailed(logger, lease.LeaseId, "its start was never confirmed", Redaction.Redact(error.Message));
        }
    }

    private async Task<IReadOnlyList<T>> ReadAsync<T>(
        Func<NpgsqlConnection, CancellationToken, Task<IReadOnlyList<T>>> read,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        return await read(connection, cancellationToken);
    }

    [LoggerMessage(EventId = 2020, Level = LogLevel.Warning, Message = "Lease {LeaseId} must end, {Reason}: its machines are {State}")]
    private static partial void LogReaped(ILogger logger, string leaseId, string reason, string state);

    [LoggerMessage(
        EventId = 2021,
        Level = LogLevel.Error,
        Message = "Lease {LeaseId} must end, {Reason}, but its machines could not be stopped: {Error}"
    )]
    private static partial void LogFailed(ILogger logger, string leaseId, string reason, string error);

    [LoggerMessage(
        EventId = 2022,
        Level = LogLevel.Warning,
        Message = "The status of {InstanceId}, which holds lease {LeaseId}, is unknown: {Error}"
    )]
    private static partial void LogUnknown(ILogger logger, string instanceId, string leaseId, string error);
}
