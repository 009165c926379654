using System.Diagnostics;
using Durable.Host.Store;
using Durable.Host.Telemetry;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Host.Timers;

/// <summary>
/// Fires one timer function, together with the other hosts of the hub. One host calls an occurrence, once; if that host dies or stops
/// during the call, it fires again, as past due.
/// </summary>
internal sealed class TimerRunner
{
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(30);

    private readonly TimerFunction function;
    private readonly TimerSchedule schedule;
    private readonly TimerStore store;
    private readonly TimerOptions options;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly DatabaseClock clock;
    private readonly Guid host = Guid.NewGuid();
    private bool monitored;
    private DateTimeOffset? staleLease;

    public TimerRunner(
        TimerFunction function,
        TimerSchedule schedule,
        TimerStore store,
        TimerOptions options,
        TimeProvider time,
        ILogger logger
    )
    {
        (this.function, this.schedule, this.store, this.options, this.time, this.logger) = (
            function,
            schedule,
            store,
            options,
            time,
            logger
        );
        clock = new DatabaseClock(time);
    }

    /// <summary>Runs until cancelled, then waits for the running call. Database outages are logged and waited out.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        bool started = false;
        int failures = 0;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (!started)
                {
                    await StartAsync(stopping);
                    started = true;
                }

                await StepAsync(stopping);
                failures = 0;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                TimeSpan wait = Backoff(++failures);
                Log.StoreFailed(logger, LevelOf(e), function.Name, failures, HubDatabase.Explain(e), wait);
                await DelayAsync(wait, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Applies the code's schedule. The first step fires what was missed, unless the schedule changed or is not
    /// monitored.</summary>
    private async Task StartAsync(CancellationToken stopping)
    {
        DateTimeOffset now = await store.NowAsync(stopping);
        monitored = function.UseMonitor && !schedule.IsFasterThanAMinute(now);
        await store.AddAsync(function.Name, schedule, schedule.Next(now), stopping);
        TimerRow? row = await store.ReadAsync(function.Name, stopping);
        bool changed = row is not null && (row.Schedule != schedule.Text || row.TimeZone != schedule.TimeZone);
        bool missedUnmonitored = row is not null && !monitored && (row.NextAt is null || row.NextAt < now);
        if (changed || missedUnmonitored)
        {
            await store.RescheduleAsync(function.Name, schedule, row!.NextAt, schedule.Next(now), stopping);
            row = await store.ReadAsync(function.Name, stopping);
        }

        Log.Scheduled(logger, function.Name, schedule.Text, schedule.TimeZone, row?.NextAt);
        // A missed occurrence fires anyway: one call serves both.
        if (!function.RunOnStartup || row is null || row.NextAt <= row.Now)
            return;
        clock.Set(row.Now);
        if (await store.ClaimNowAsync(function.Name, host, options.Lease, stopping) is { } claimed)
            await FireAsync(claimed, pastDue: false, stopping);
    }

    /// <summary>Reads the row and does the next action, after waiting for its time.</summary>
    private async Task StepAsync(CancellationToken stopping)
    {
        TimerRow row =
            await store.ReadAsync(function.Name, stopping) ?? throw new InvalidOperationException("its row was deleted; restart the host.");
        clock.Set(row.Now);
        if (row.FiringUntil is { } until)
        {
            // A lease ends this far ahead only if the clock was set back; if not renewed since, its host is dead.
            bool stale = until > row.Now + 2 * options.Lease;
            if (until <= row.Now || stale && until == staleLease)
                await TakeOverAsync(row, stopping);
            else
                await WaitAsync(stale ? row.Now + options.Lease : until, stopping);
            staleLease = stale ? until : null;
            return;
        }

        if (row.LastUpdated - row.Now > options.ClockSetBack && InForce(row).Next(row.Now) is var sooner && sooner < row.NextAt)
        {
            Log.ClockSetBack(logger, function.Name, row.Now, sooner, row.NextAt);
            await store.RescheduleAsync(function.Name, InForce(row), row.NextAt, sooner, stopping);
        }
        else if (row.NextAt is not { } due)
            await DelayAsync(options.LookEvery, stopping);
        else if (await WaitAsync(due, stopping))
            await ClaimAsync(row, due, stopping);
    }

    private async Task ClaimAsync(TimerRow row, DateTimeOffset due, CancellationToken stopping)
    {
        DateTimeOffset now = clock.Now;
        DateTimeOffset? next = InForce(row).Next(due > now ? due : now);
        if (row.Paused)
            await store.SkipAsync(function.Name, due, next, stopping);
        else if (await store.ClaimAsync(function.Name, host, due, next, options.Lease, stopping) is { } claimed)
            await FireAsync(claimed, monitored && claimed.Now - due > options.PastDueAfter, stopping);
    }

    private async Task TakeOverAsync(TimerRow dead, CancellationToken stopping)
    {
        if (await store.TakeOverAsync(function.Name, host, dead, options.Lease, stopping) is not { } taken)
            return;
        if (taken.Tries > options.MaxTries)
            Log.GivenUp(logger, function.Name, taken.FiringAt!.Value, taken.Tries - 1);
        else if (monitored)
        {
            Log.TakenOver(logger, function.Name, taken.FiringAt!.Value, taken.Tries);
            await FireAsync(taken, pastDue: true, stopping);
            return;
        }

        await store.CompleteAsync(function.Name, host, stopping);
    }

    private async Task FireAsync(TimerRow claimed, bool pastDue, CancellationToken stopping)
    {
        DateTimeOffset occurrence = claimed.FiringAt!.Value;
        TimeSpan late = claimed.Now - occurrence;
        if (pastDue)
            Log.FiresPastDue(logger, function.Name, occurrence, late);
        else
            Log.Fires(logger, function.Name, occurrence, late);
        DurableTelemetry.TimerFired(function.Name, late);
        bool interrupted = false;
        using CancellationTokenSource done = new();
        using CancellationTokenSource call = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Task renewing = RenewAsync(occurrence, call, done.Token);
        using (Activity? span = DurableTelemetry.StartTimerSpan(function.Name))
        {
            try
            {
                await function.Invoke(Describe(claimed, occurrence, pastDue), call.Token);
            }
            catch (OperationCanceledException) when (call.IsCancellationRequested)
            {
                interrupted = true;
            }
            catch (Exception e)
            {
                span?.SetStatus(ActivityStatusCode.Error, e.Message);
                Log.Failed(logger, e, function.Name, occurrence);
            }
        }

        await done.CancelAsync();
        await renewing;
        await FinishAsync(occurrence, interrupted && stopping.IsCancellationRequested, stopping);
    }

    /// <summary>As on the Functions host: the status before this call, so <c>Next</c> is the occurrence being fired.</summary>
    private TimerInfo Describe(TimerRow claimed, DateTimeOffset occurrence, bool pastDue) =>
        new()
        {
            IsPastDue = pastDue,
            ScheduleStatus = !monitored
                ? null!
                : new ScheduleStatus
                {
                    Last = claimed.LastAt?.UtcDateTime ?? default,
                    Next = occurrence.UtcDateTime,
                    LastUpdated = claimed.LastUpdated.UtcDateTime,
                },
        };

    /// <summary>Renews the claim while the function runs; cancels the call when the claim is lost, because another host may call it
    /// then.</summary>
    private async Task RenewAsync(DateTimeOffset occurrence, CancellationTokenSource call, CancellationToken done)
    {
        try
        {
            long renewed = time.GetTimestamp();
            while (true)
            {
                await Task.Delay(options.RenewEvery, time, done);
                bool kept;
                try
                {
                    long asked = time.GetTimestamp();
                    kept = await store.RenewAsync(function.Name, host, options.Lease, done);
                    renewed = asked;
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    kept = time.GetElapsedTime(renewed) < options.Lease - options.RenewEvery;
                }

                if (kept)
                    continue;
                Log.ClaimLost(logger, function.Name, occurrence);
                await call.CancelAsync();
                return;
            }
        }
        catch (OperationCanceledException) when (done.IsCancellationRequested)
        {
            // The call has ended.
        }
    }

    /// <summary>Records the end of the call in the row, with retries: otherwise the occurrence fires again.</summary>
    private async Task FinishAsync(DateTimeOffset occurrence, bool interrupted, CancellationToken stopping)
    {
        int failures = 0;
        while (true)
        {
            try
            {
                if (interrupted)
                {
                    Log.Interrupted(logger, function.Name, occurrence);
                    await store.ReleaseAsync(function.Name, host, CancellationToken.None);
                }
                else
                    await store.CompleteAsync(function.Name, host, CancellationToken.None);
                return;
            }
            catch (Exception e) when (!stopping.IsCancellationRequested)
            {
                TimeSpan wait = Backoff(++failures);
                Log.StoreFailed(logger, LevelOf(e), function.Name, failures, HubDatabase.Explain(e), wait);
                await DelayAsync(wait, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>The schedule in the row; another host may have written a newer one.</summary>
    private TimerSchedule InForce(TimerRow row) =>
        row.Schedule == schedule.Text && row.TimeZone == schedule.TimeZone ? schedule : TimerSchedule.Parse(row.Schedule, row.TimeZone);

    /// <returns>True when the time has come, false when it is only time to check again.</returns>
    private async Task<bool> WaitAsync(DateTimeOffset until, CancellationToken stopping)
    {
        TimeSpan wait = until - clock.Now;
        if (wait <= TimeSpan.Zero)
            return true;
        bool whole = wait <= options.LookEvery;
        await DelayAsync(whole ? wait : options.LookEvery, stopping);
        return whole;
    }

    /// <summary>Rounded up to the timer's millisecond, so as not to wake too early.</summary>
    private Task DelayAsync(TimeSpan wait, CancellationToken stopping) =>
        Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), time, stopping);

    /// <summary>The engine reports an outage of the database, once.</summary>
    internal static LogLevel LevelOf(Exception e) =>
        StoreFaults.Of(e) == StoreFault.Away && e is not PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege }
            ? LogLevel.Debug
            : LogLevel.Warning;

    private static TimeSpan Backoff(int failures) => TimeSpan.FromSeconds(Math.Min(LongestRetry.TotalSeconds, Math.Pow(2, failures - 1)));
}
