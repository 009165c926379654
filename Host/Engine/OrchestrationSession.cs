using Durable.Host.History;
using Durable.Host.Store;

namespace Durable.Host.Engine;

/// <summary>An instance this host holds: its mailbox, its state between turns, its next timer. One turn at a time; a turn takes all
/// mail.</summary>
internal sealed class OrchestrationSession : IDisposable
{
    private readonly Lock gate = new();
    private readonly List<Incoming> mailbox = [];
    private readonly HashSet<long> readMessages = [];
    private readonly Queue<(long TurnNo, IReadOnlyList<long> Messages)> consumed = [];
    private readonly Func<OrchestrationSession, Task> runTurns;
    private readonly HubClock clock;
    private readonly Timer timer;
    private bool running;
    private bool closed;
    private bool releaseAsked;
    private int localActivities;

    /// <summary>A session over an instance as loaded. <paramref name="runTurns"/> is called, never concurrently, when there is something to
    /// do.</summary>
    public OrchestrationSession(LoadedInstance instance, HubClock clock, Func<OrchestrationSession, Task> runTurns)
    {
        Turns = new TurnBuilder(instance);
        Epoch = instance.Epoch;
        this.clock = clock;
        this.runTurns = runTurns;
        timer = new Timer(static state => ((OrchestrationSession)state!).Wake(), this, Timeout.Infinite, Timeout.Infinite);
        LastActive = Environment.TickCount64;
    }

    /// <summary>State and turns of the execution.</summary>
    public TurnBuilder Turns { get; }

    /// <summary>The instance.</summary>
    public string InstanceId => Turns.InstanceId;

    /// <summary>Epoch of the claim.</summary>
    public long Epoch { get; }

    /// <summary>Tick count of the last turn.</summary>
    public long LastActive { get; private set; }

    /// <summary>Its activities that this host runs or has queued.</summary>
    public int LocalActivities => Volatile.Read(ref localActivities);

    /// <summary>Counts an activity in (+1) or out (-1).</summary>
    public void CountActivity(int change) => Interlocked.Add(ref localActivities, change);

    /// <summary>Delivers the result of an activity.</summary>
    /// <returns>False when the session is closed or has another execution; then report through the store.</returns>
    public bool TryDeliver(long runNo, HistoryEvent result)
    {
        lock (gate)
        {
            if (closed || Turns.RunNo != runNo)
            {
                return false;
            }

            mailbox.Add(new Incoming(result, null, result.TaskId));
        }

        Wake();
        return true;
    }

    /// <summary>Delivers messages read from the inbox. Safe to repeat: messages already read are skipped.</summary>
    public void AddMail(IEnumerable<Mail> mail)
    {
        bool news = false;
        lock (gate)
        {
            foreach (Mail letter in mail)
            {
                if (closed || letter.Epoch != Epoch)
                {
                    return;
                }

                news |= letter.Sent > Turns.Sent;
                Turns.Sent = Math.Max(Turns.Sent, letter.Sent);
                if (letter.Item is { } item && readMessages.Add(item.MessageId))
                {
                    news = true;
                    mailbox.Add(new Incoming(item.Event, item.MessageId, null, item.RunNo));
                }

                // Reads are sequential: once one has seen a turn, no later one returns that turn's messages.
                while (consumed.TryPeek(out (long TurnNo, IReadOnlyList<long> Messages) turn) && turn.TurnNo < letter.TurnNo)
                {
                    readMessages.ExceptWith(consumed.Dequeue().Messages);
                }
            }
        }

        if (news || !Turns.Ready)
        {
            Wake();
        }
    }

    /// <summary>Requests the instance's release when it is next idle.</summary>
    public void AskRelease()
    {
        lock (gate)
        {
            releaseAsked = true;
        }

        Wake();
    }

    /// <summary>Triggers a turn, unless one is running, which then checks again.</summary>
    public void Wake()
    {
        lock (gate)
        {
            if (closed || running)
            {
                WokenWhileRunning = running;
                return;
            }

            running = true;
        }

        _ = Task.Run(() => runTurns(this));
    }

    /// <summary>Whether something arrived while a turn ran.</summary>
    private bool WokenWhileRunning { get; set; }

    /// <summary>Takes the mail and due timers.</summary>
    /// <param name="release">Whether to release the instance: nothing arrived and a release was requested.</param>
    /// <returns>Null when there is nothing to do; the session then sleeps until woken.</returns>
    public List<Incoming>? Take(out bool release)
    {
        DateTime now = clock.UtcNow;
        lock (gate)
        {
            release = false;
            if (closed)
            {
                running = false;
                return null;
            }

            // Together with the mailbox: a count ahead of what the turn takes would mark mail as handled that a crash then leaves unread.
            Turns.TakeSent();
            List<Incoming> taken = [.. mailbox];
            mailbox.Clear();
            foreach (CreateTimerAction due in Turns.DueTimers(now))
            {
                taken.Add(
                    new Incoming(
                        new HistoryEvent(EventKind.TimerFired, due.TaskId, default, Detail: new EventDetail { FireAt = due.FireAt }),
                        null,
                        null
                    )
                );
            }

            if (taken.Count == 0 && !Turns.NeedsTurn)
            {
                if (releaseAsked && LocalActivities <= 0)
                {
                    release = true;
                    return taken;
                }

                if (WokenWhileRunning)
                {
                    WokenWhileRunning = false;
                    return taken;
                }

                running = false;
                Arm(now);
                return null;
            }

            WokenWhileRunning = false;
            LastActive = Environment.TickCount64;
            return taken;
        }
    }

    /// <summary>Notes that a written turn consumed messages. A read that began before its commit may still bring them, so they are
    /// forgotten only when a read has seen the turn. This saves work and decides nothing: the commit refuses a turn whose messages are
    /// gone.</summary>
    public void Consumed(TurnWrite written)
    {
        if (written.Consumed.Count > 0)
        {
            lock (gate)
            {
                consumed.Enqueue((written.TurnNo, written.Consumed));
            }
        }
    }

    /// <summary>Whether the session has had nothing to do since <paramref name="before"/> (tick count) and no timer is due within
    /// <paramref name="soon"/>.</summary>
    public bool IdleSince(long before, TimeSpan soon)
    {
        lock (gate)
        {
            return !running
                && !closed
                && LocalActivities <= 0
                && LastActive < before
                && !(Turns.NextDue is { } due && due - clock.UtcNow < soon);
        }
    }

    /// <summary>Closes the session; returns unhandled items for the store.</summary>
    public List<Incoming> Close()
    {
        lock (gate)
        {
            closed = true;
            running = false;
            List<Incoming> rest = [.. mailbox];
            mailbox.Clear();
            timer.Dispose();
            return rest;
        }
    }

    /// <inheritdoc />
    public void Dispose() => Close();

    private void Arm(DateTime now)
    {
        if (Turns.NextDue is not { } due)
        {
            return;
        }

        // At most a day: the clock may be corrected meanwhile, and the longest timer overflows an int of milliseconds.
        double wait = Math.Clamp((due - now).TotalMilliseconds, 0, TimeSpan.FromDays(1).TotalMilliseconds);
        timer.Change((long)Math.Ceiling(wait), Timeout.Infinite);
    }
}

/// <summary>Something that arrived for an instance.</summary>
/// <param name="Event">What; its time is set by the turn that takes it.</param>
/// <param name="MessageId">Inbox row it came from.</param>
/// <param name="FinishedActivity">Task id of the local activity it is the result of.</param>
/// <param name="RunNo">Execution it answers, when it came from the inbox as an answer.</param>
internal sealed record Incoming(HistoryEvent Event, long? MessageId, int? FinishedActivity, long? RunNo = null);
