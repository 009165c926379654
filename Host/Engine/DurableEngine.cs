using Durable.Host.History;
using Durable.Host.Store;
using Durable.Postgres;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Durable.Host.Engine;

/// <summary>The engine of one process: joins the hub, holds instances, runs their turns, leaves cleanly.</summary>
internal sealed partial class DurableEngine : BackgroundService
{
    private const int ClaimAtOnce = 256;
    private const string LongHistoryRemedy =
        "Every load of the instance reads all of it: use ContinueAsNew after some work, or give the work to children in smaller batches.";

    private static readonly TimeSpan ShortestLook = TimeSpan.FromMilliseconds(50);
    private readonly HubDatabase database;
    private readonly HubClock clock;
    private readonly HubWriter writer;
    private readonly WorkSource source;
    private readonly HostLease lease;
    private readonly ActivityWorker activities;
    private readonly LocalWork local;
    private readonly EngineTools tools;
    private readonly InstanceSignals signals;
    private readonly SemaphoreSlim turnSlots;
    private readonly ILogger<DurableEngine> logger;
    private volatile bool full; // the last claim had no place
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>An engine over its parts.</summary>
    public DurableEngine(
        HubDatabase database,
        HubClock clock,
        HubWriter writer,
        WorkSource source,
        HostLease lease,
        ActivityWorker activities,
        LocalWork local,
        EngineTools tools,
        InstanceSignals signals,
        ILogger<DurableEngine> logger
    )
    {
        this.database = database;
        this.clock = clock;
        this.writer = writer;
        this.source = source;
        this.lease = lease;
        this.activities = activities;
        this.local = local;
        this.tools = tools;
        this.signals = signals;
        this.logger = logger;
        turnSlots = new SemaphoreSlim(tools.Settings.MaxConcurrentOrchestrators);
        signals.Sent += local.Wake.Set;
        clock.JumpedAhead += () =>
        {
            // Sessions sleep by the monotonic clock until their timer is due, so they check again, and so does the claim loop.
            foreach (OrchestrationSession session in local.Sessions.Values)
            {
                session.Wake();
            }

            local.Wake.Set();
        };
        lease.Notified += local.Look;
    }

    /// <summary>Completes when the host has joined the hub for the first time.</summary>
    public Task Ready => ready.Task;

    /// <summary>Instances held now.</summary>
    public int Sessions => local.Sessions.Count;

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        writer.Start();
        Task working = activities.RunAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await JoinAsync(stoppingToken);
                if (!await ServeAsync(stoppingToken))
                {
                    await Task.Delay(500, CancellationToken.None);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
            catch (Exception e) when (HubDatabase.IsTransient(e))
            {
                database.NoteFailure(e);
                await Task.Delay(500, CancellationToken.None);
            }
            catch (Exception e)
            {
                Log.Unexpected(logger, e);
                await Task.Delay(1000, CancellationToken.None);
            }
        }

        await working;
        await LeaveAsync();
    }

    private async Task JoinAsync(CancellationToken stopping)
    {
        DropEverything();

        // The old number may hold more than this host knows (a claim's reply can be lost): release all of it.
        await lease.LeaveAsync(stopping);
        if (!ready.Task.IsCompleted)
        {
            await SchemaSteps.ApplyAsync(
                database.Source,
                [new SchemaComponent("engine", database.Schema, typeof(DurableEngine).Assembly, "Durable.Host.Store.Sql.")],
                stopping
            );
        }

        await lease.RegisterAsync(stopping);
        writer.HostNo = lease.HostNo;
        await lease.RenewAsync(stopping);
        await lease.FreeTheDeadAsync(stopping);
        local.Look();
        ready.TrySetResult();
    }

    /// <summary>Serves until the lease is lost, the listening connection breaks, or the host stops.</summary>
    /// <returns>False when an error ended it.</returns>
    private async Task<bool> ServeAsync(CancellationToken stopping)
    {
        using CancellationTokenSource round = CancellationTokenSource.CreateLinkedTokenSource(stopping, lease.Lost);
        Task[] loops = [lease.ListenAsync(round.Token), RenewLoopAsync(round.Token), ClaimLoopAsync(round.Token)];
        Task first = await Task.WhenAny(loops);
        await round.CancelAsync();
        try
        {
            await Task.WhenAll(loops);
        }
        catch (OperationCanceledException) { }
        catch (Exception e) when (HubDatabase.IsTransient(e))
        {
            database.NoteFailure(e);
        }

        if (first.IsFaulted && !HubDatabase.IsTransient(first.Exception!.InnerException!))
        {
            Log.Unexpected(logger, first.Exception.InnerException!);
        }

        return !first.IsFaulted;
    }

    private async Task RenewLoopAsync(CancellationToken round)
    {
        // A host that was killed just before this one joined may still have looked alive then: the first looks follow sooner.
        TimeSpan wait = tools.Settings.RenewEvery / 8;
        while (true)
        {
            await Task.Delay(wait, round);
            wait = wait * 2 < tools.Settings.RenewEvery ? wait * 2 : tools.Settings.RenewEvery;
            try
            {
                if (!await lease.RenewAsync(round))
                {
                    Log.LeaseLost(logger);
                    return;
                }

                if (await lease.FreeTheDeadAsync(round) > 0)
                {
                    local.Look();
                }
            }
            catch (Exception e) when (HubDatabase.IsTransient(e) && !round.IsCancellationRequested && lease.Holds)
            {
                database.NoteFailure(e);
            }

            ReleaseIdle();
        }
    }

    private async Task ClaimLoopAsync(CancellationToken round)
    {
        DateTime? nextDue = null;
        bool claimed = false;
        while (true)
        {
            TimeSpan longest = tools.Settings.RenewEvery * 5;
            if (nextDue is { } due)
            {
                TimeSpan until = due - clock.UtcNow;

                // Due work that could not be claimed (no place here, or another host is claiming it) is retried after a pause, not in a
                // busy loop.
                TimeSpan shortest = claimed ? TimeSpan.Zero : ShortestLook;
                longest =
                    until < shortest ? shortest
                    : until < longest ? until
                    : longest;
            }

            await local.Wake.WaitAsync(longest, round);
            if (!lease.Holds)
            {
                lease.Lose();
                return;
            }

            full = true; // until it is known: a session that closes meanwhile has the loop look again
            int places = Math.Max(0, Math.Min(ClaimAtOnce, tools.Settings.MaxSessions - local.Sessions.Count));
            full = places == 0;
            (List<string> ids, nextDue) = await source.ClaimInstancesAsync(lease.HostNo, places, round);
            claimed = ids.Count > 0;
            if (ids.Count > 0)
            {
                foreach (LoadedInstance instance in await source.LoadAsync(lease.HostNo, ids, round))
                {
                    OrchestrationSession session = new(instance, clock, RunTurnsAsync);
                    if (local.Sessions.TryGetValue(instance.InstanceId, out OrchestrationSession? stale))
                    {
                        Close(stale);
                    }

                    local.Sessions[instance.InstanceId] = session;
                }
            }

            foreach (IGrouping<string, Mail> mail in (await source.ReadMailAsync(lease.HostNo, ids, round)).GroupBy(m => m.InstanceId))
            {
                if (local.Sessions.TryGetValue(mail.Key, out OrchestrationSession? session))
                {
                    session.AddMail(mail);
                }
            }

            foreach (string id in ids)
            {
                if (local.Sessions.TryGetValue(id, out OrchestrationSession? session))
                {
                    session.Wake();
                }
            }

            if (ids.Count >= places && places > 0)
            {
                local.Wake.Set();
            }
            else if (places == 0)
            {
                ReleaseIdle(TimeSpan.FromSeconds(1));
            }
        }
    }

    private async Task RunTurnsAsync(OrchestrationSession session)
    {
        try
        {
            while (session.Take(out bool release) is { } taken)
            {
                if (!await RunTurnAsync(session, taken, release))
                {
                    Close(session);
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            Close(session);
        }
        catch (Exception e)
        {
            Log.TurnBroke(logger, session.InstanceId, e);
            Close(session);
            _ = GiveBackLaterAsync(session, lease.HostNo);
        }
    }

    /// <summary>Releases an instance whose turn failed in the host, after a pause, to avoid a busy loop of failures.</summary>
    private async Task GiveBackLaterAsync(OrchestrationSession session, long hostNo)
    {
        await Task.Delay(tools.Settings.LeaseTime);
        try
        {
            if (await source.GiveBackAsync(hostNo, session.InstanceId, session.Epoch, CancellationToken.None) > 0)
            {
                local.Wake.Set();
            }
        }
        catch (Exception e) when (HubDatabase.IsTransient(e) || e is ObjectDisposedException)
        {
            lease.Suspect();
        }
    }

    /// <summary>One turn; false when the session is over.</summary>
    private async Task<bool> RunTurnAsync(OrchestrationSession session, List<Incoming> taken, bool release)
    {
        TurnWrite? write;
        await turnSlots.WaitAsync();
        try
        {
            using System.Diagnostics.Activity? span = Telemetry.DurableTelemetry.StartOrchestrationSpan(
                session.Turns.Name,
                session.InstanceId,
                session.Turns.TraceParent
            );
            long started = System.Diagnostics.Stopwatch.GetTimestamp();
            write = Build(session, taken, release);
            Telemetry.DurableTelemetry.TurnRun(session.Turns.Name, System.Diagnostics.Stopwatch.GetElapsedTime(started));
        }
        finally
        {
            turnSlots.Release();
        }

        if (write is null)
        {
            return true;
        }

        int events = write.FirstSequence + write.Events.Count;
        if (
            tools.Settings.MaxHistoryEvents is > 0 and int most
            && events > most
            && !write.Ends
            && write.Continuation is null
            && !write.ReplacesHistory
        )
        {
            write = session.Turns.Refused(
                taken,
                string.Create(
                    System.Globalization.CultureInfo.InvariantCulture,
                    $"Its history would hold {events} events, more than the {most} of the setting Durable__MaxHistoryEvents. {LongHistoryRemedy}"
                ),
                clock.UtcNow
            );
        }

        TurnWritten written;
        try
        {
            written = await writer.WriteAsync(write);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The database refuses this turn (a payload beyond its limits): the instance fails with the reason, others continue.
            Log.TurnRefused(logger, session.InstanceId, HubDatabase.Explain(e));
            write = session.Turns.Refused(taken, HubDatabase.Explain(e), clock.UtcNow);
            written = await writer.WriteAsync(write);
        }

        if (written.Fate == TurnFate.Lost)
        {
            Log.TurnLost(logger, session.InstanceId);
            return false;
        }

        if (written.Fate == TurnFate.Stale)
        {
            await StartOverAsync(session, taken);
            return false;
        }

        session.Turns.Applied(write, tools);
        session.Consumed(write);
        if (write.FirstSequence < tools.Settings.LongHistory && events >= tools.Settings.LongHistory && write.Continuation is null)
        {
            Log.HistoryIsLong(logger, session.InstanceId, events, LongHistoryRemedy);
        }
        foreach (ScheduleTaskAction task in write.Activities.Take(written.Claimed))
        {
            activities.Accept(
                new ClaimedActivity(write.RunNo, task.TaskId, write.InstanceId, task.Name, task.Version, task.Input, write.TraceParent, 1)
            );
        }

        if (write.Ends || write.FirstSequence == 0)
        {
            signals.Changed(write.InstanceId, write.Ends);
        }

        return !write.Release;
    }

    private TurnWrite? Build(OrchestrationSession session, List<Incoming> taken, bool release)
    {
        try
        {
            return session.Turns.Build(taken, release, clock.UtcNow, tools);
        }
        catch (Exception e)
        {
            Log.TurnBroke(logger, session.InstanceId, e);
            return session.Turns.Refused(taken, e.Message, clock.UtcNow);
        }
    }

    /// <summary>Removes a session; results on their way to it go through the store.</summary>
    private void Close(OrchestrationSession session)
    {
        local.Sessions.TryRemove(new KeyValuePair<string, OrchestrationSession>(session.InstanceId, session));
        if (full)
        {
            local.Wake.Set();
        }

        _ = ReportLateAsync(session, session.Close());
    }

    private Task ReportLateAsync(OrchestrationSession session, List<Incoming> arrived) =>
        Task.WhenAll(
            from late in arrived
            where late.FinishedActivity is not null
            select ReportLateAsync(new ActivityResult(session.InstanceId, session.Turns.RunNo, late.Event.TaskId, late.Event))
        );

    /// <summary>A turn was built on messages that are gone: discards its state and releases the instance, to be reloaded from the
    /// store.</summary>
    private async Task StartOverAsync(OrchestrationSession session, List<Incoming> taken)
    {
        Log.TurnStale(logger, session.InstanceId);
        Close(session);
        await ReportLateAsync(session, taken);
        try
        {
            await source.GiveBackAsync(lease.HostNo, session.InstanceId, session.Epoch, CancellationToken.None);
        }
        catch (Exception e) when (HubDatabase.IsTransient(e))
        {
            lease.Suspect(); // what cannot be released alone is released with everything else
        }

        local.Wake.Set();
    }

    private async Task ReportLateAsync(ActivityResult result)
    {
        try
        {
            await writer.ReportAsync(result);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The activity's row is still there: it is delivered again.
            Log.LateResultDropped(logger, result.InstanceId, e.Message);
        }
    }

    private void ReleaseIdle(TimeSpan? idle = null)
    {
        TimeSpan limit = idle ?? tools.Settings.IdleTimeout;
        long before = Environment.TickCount64 - (long)limit.TotalMilliseconds;
        foreach (OrchestrationSession session in local.Sessions.Values)
        {
            if (session.IdleSince(before, limit))
            {
                session.AskRelease();
            }
        }
    }

    /// <summary>Forgets everything held under a lost number; the store has it.</summary>
    private void DropEverything()
    {
        activities.DropQueued();
        foreach (OrchestrationSession session in local.Sessions.Values)
        {
            local.Sessions.TryRemove(session.InstanceId, out _);
            session.Close();
        }
    }

    private async Task LeaveAsync()
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(3));
        await writer.DisposeAsync();
        DropEverything();
        try
        {
            await lease.LeaveAsync(limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException || HubDatabase.IsTransient(e))
        {
            Log.LeftWithoutWord(logger, HubDatabase.Explain(e));
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2, LogLevel.Error, "The engine failed unexpectedly and restarts")]
        public static partial void Unexpected(ILogger logger, Exception exception);

        [LoggerMessage(3, LogLevel.Warning, "Lease lost; other hosts took over this host's work. Rejoining.")]
        public static partial void LeaseLost(ILogger logger);

        [LoggerMessage(4, LogLevel.Error, "A turn of {InstanceId} could not be run")]
        public static partial void TurnBroke(ILogger logger, string instanceId, Exception exception);

        [LoggerMessage(5, LogLevel.Error, "A turn of {InstanceId} cannot be stored: {Reason}")]
        public static partial void TurnRefused(ILogger logger, string instanceId, string reason);

        [LoggerMessage(6, LogLevel.Information, "{InstanceId} is held by another host or gone; its late turn was dropped")]
        public static partial void TurnLost(ILogger logger, string instanceId);

        [LoggerMessage(7, LogLevel.Information, "A late result for {InstanceId} was dropped ({Reason}); the activity is redelivered")]
        public static partial void LateResultDropped(ILogger logger, string instanceId, string reason);

        [LoggerMessage(1, LogLevel.Warning, "The history of {InstanceId} holds {Events} events. {Remedy}")]
        public static partial void HistoryIsLong(ILogger logger, string instanceId, int events, string remedy);

        [LoggerMessage(
            9,
            LogLevel.Information,
            "A turn of {InstanceId} was built on messages that another turn had consumed; it was not stored and is rebuilt"
        )]
        public static partial void TurnStale(ILogger logger, string instanceId);

        [LoggerMessage(8, LogLevel.Warning, "The host left without releasing its work; others take it over when its lease ends. {Reason}")]
        public static partial void LeftWithoutWord(ILogger logger, string reason);
    }
}
