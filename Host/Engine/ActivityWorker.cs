using System.Diagnostics;
using System.Threading.Channels;
using Durable.Host.Functions;
using Durable.Host.History;
using Durable.Host.Replay;
using Durable.Host.Store;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Engine;

/// <summary>Runs activities: up to the configured number at once, with as many more claimed ahead.</summary>
/// <remarks>At least once: if a host dies after the effect and before the result is written, the row remains and another host runs it
/// again.</remarks>
internal sealed partial class ActivityWorker(
    WorkSource source,
    HubWriter writer,
    HostLease lease,
    IFunctionRuntime functions,
    HubSettings settings,
    LocalWork local,
    ILogger<ActivityWorker> logger
)
{
    private readonly Channel<ClaimedActivity> queue = Channel.CreateUnbounded<ClaimedActivity>();

    /// <summary>Queues an activity claimed on a reserved place.</summary>
    public void Accept(ClaimedActivity activity)
    {
        local.Track(activity, 1);
        queue.Writer.TryWrite(activity);
    }

    /// <summary>Runs until stopped. Running activities have <see cref="HubSettings.ShutdownTimeout"/>, then their token is
    /// cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using CancellationTokenSource abort = new();
        await using CancellationTokenRegistration registration = stopping.Register(() => abort.CancelAfter(settings.ShutdownTimeout));
        Task claims = ClaimLoopAsync(stopping);
        Task[] workers =
        [
            .. Enumerable
                .Range(0, settings.MaxConcurrentActivities)
                .Select(_ => Task.Run(() => WorkAsync(stopping, abort.Token), CancellationToken.None)),
        ];
        await Task.WhenAll([claims, .. workers]);
    }

    /// <summary>Forgets the claims of a lost lease; the store redelivers them.</summary>
    public void DropQueued()
    {
        while (queue.Reader.TryRead(out ClaimedActivity? dropped))
        {
            local.Track(dropped, -1);
            local.Release(1);
        }
    }

    private async Task ClaimLoopAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await local.Places.WaitAsync(settings.RenewEvery * 5, stopping);
                while (local.Places.WantsMore)
                {
                    int places = local.Places.BeginClaim();
                    List<ClaimedActivity> claimed = [];
                    try
                    {
                        claimed = await source.ClaimActivitiesAsync(lease.HostNo, places, stopping);
                    }
                    finally
                    {
                        local.Places.EndClaim(places, claimed.Count);
                    }

                    claimed.ForEach(Accept);
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested) { }
            catch (Exception e) when (HubDatabase.IsTransient(e))
            {
                // Rows may be claimed with the reply lost: only a new number releases them.
                await JoinAnewAsync();
            }
            catch (Exception e)
            {
                Log.Unexpected(logger, e);
                await JoinAnewAsync();
            }
        }
    }

    /// <summary>Ends the round, so that rows this host holds without knowing are released.</summary>
    private async Task JoinAnewAsync()
    {
        lease.Suspect();
        await Task.Delay(500, CancellationToken.None);
        local.Places.LookForMore();
    }

    private async Task WorkAsync(CancellationToken stopping, CancellationToken abort)
    {
        while (true)
        {
            ClaimedActivity activity;
            try
            {
                activity = await queue.Reader.ReadAsync(stopping);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            CancellationToken lost = lease.Lost;
            if (stopping.IsCancellationRequested || lost.IsCancellationRequested || !lease.Holds)
            {
                // The lease has expired by our own clock: another host may run it now.
                Finish(activity);
                continue;
            }

            using CancellationTokenSource token = CancellationTokenSource.CreateLinkedTokenSource(abort, lost);
            try
            {
                HistoryEvent? result = await RunOneAsync(activity, token.Token);
                if (result is not null && !local.TryDeliver(activity, result))
                {
                    await ReportAsync(activity, result);
                }
            }
            catch (OperationCanceledException)
            {
                // Stopping: the row stays and is delivered again.
            }
            catch (Exception e)
            {
                // A worker never ends here: the row stays and is redelivered after this host has rejoined.
                Log.Unexpected(logger, e);
                await JoinAnewAsync();
            }

            Finish(activity);
        }
    }

    private async Task ReportAsync(ClaimedActivity activity, HistoryEvent result)
    {
        try
        {
            await writer.ReportAsync(new ActivityResult(activity.InstanceId, activity.RunNo, activity.TaskId, result));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The result cannot be stored (too large, characters the database refuses): the caller gets that error instead.
            Log.ResultRefused(logger, activity.Name, activity.InstanceId, e.Message);
            FailureInfo failure = new(
                e.GetType().FullName!,
                $"The result of activity '{activity.Name}' cannot be stored: {Failures.Clean(e.Message)}"
            );
            await writer.ReportAsync(new ActivityResult(activity.InstanceId, activity.RunNo, activity.TaskId, Failed(activity, failure)));
        }
    }

    private void Finish(ClaimedActivity activity)
    {
        local.Track(activity, -1);
        local.Places.Finish();
    }

    /// <summary>One attempt; null when the host is stopping, so that the attempt does not count.</summary>
    private async Task<HistoryEvent?> RunOneAsync(ClaimedActivity activity, CancellationToken cancellation)
    {
        if (activity.Deliveries > 1)
        {
            int? starts;
            try
            {
                starts = await source.NoteStartAsync(lease.HostNo, activity, cancellation);
            }
            catch (Exception e) when (HubDatabase.IsTransient(e) || e is OperationCanceledException)
            {
                lease.Suspect();
                return null;
            }

            if (starts is null)
            {
                return null;
            }

            if (starts > settings.MaxDeliveries)
            {
                return Failed(
                    activity,
                    new FailureInfo(
                        "Durable.Host.PoisonActivity",
                        $"Activity '{activity.Name}' was redelivered {settings.MaxDeliveries} times and its host died each time before a result; it is not retried."
                    )
                );
            }
        }

        if (!functions.HasActivity(activity.Name))
        {
            return new HistoryEvent(
                EventKind.TaskFailed,
                activity.TaskId,
                default,
                activity.Name,
                UnknownFunction.Activity(activity.Name, functions)
            );
        }

        using Activity? span = Telemetry.DurableTelemetry.StartActivitySpan(
            activity.Name,
            activity.InstanceId,
            activity.TaskId,
            activity.TraceParent
        );
        long started = Stopwatch.GetTimestamp();
        try
        {
            string? result = await functions.InvokeActivityAsync(
                new ActivityCall(
                    activity.Name,
                    activity.InstanceId,
                    activity.TaskId,
                    activity.Input,
                    activity.Version,
                    activity.Deliveries,
                    activity.TraceParent
                ),
                cancellation
            );
            Telemetry.DurableTelemetry.ActivityEnded(activity.Name, Stopwatch.GetElapsedTime(started), failed: false);
            return new HistoryEvent(EventKind.TaskCompleted, activity.TaskId, default, activity.Name, result);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Log.Interrupted(logger, activity.Name, activity.InstanceId);
            return null;
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error, Failures.Clean(e.Message));
            Telemetry.DurableTelemetry.ActivityEnded(activity.Name, Stopwatch.GetElapsedTime(started), failed: true);
            Log.Failed(logger, activity.Name, activity.TaskId, activity.InstanceId, e.GetType().FullName ?? "an exception", e);
            return Failed(activity, Failures.From(e));
        }
    }

    private static HistoryEvent Failed(ClaimedActivity activity, FailureInfo failure) =>
        new(
            EventKind.TaskFailed,
            activity.TaskId,
            default,
            activity.Name,
            $"Function '{activity.Name}' failed with an unhandled exception.",
            new EventDetail { Failure = failure }
        );

    private static partial class Log
    {
        [LoggerMessage(30, LogLevel.Warning, "Activity {Activity} (#{TaskId}) of {InstanceId} failed with {Type}")]
        public static partial void Failed(ILogger logger, string activity, int taskId, string instanceId, string type, Exception exception);

        [LoggerMessage(
            31,
            LogLevel.Information,
            "Activity {Activity} of {InstanceId} was interrupted by this host's stop and will be redelivered"
        )]
        public static partial void Interrupted(ILogger logger, string activity, string instanceId);

        [LoggerMessage(34, LogLevel.Error, "An activity worker failed unexpectedly; this host rejoins the hub")]
        public static partial void Unexpected(ILogger logger, Exception exception);

        [LoggerMessage(33, LogLevel.Error, "The result of activity {Activity} of {InstanceId} cannot be stored: {Reason}")]
        public static partial void ResultRefused(ILogger logger, string activity, string instanceId, string reason);
    }
}
