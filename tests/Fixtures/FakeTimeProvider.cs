namespace Durable.Tests.Fixtures;

/// <summary>A clock that stands still until it is told to go on; timers due on the way fire in order, on the caller's thread.</summary>
/// <remarks>Safe to use from many threads. <see cref="JumpWallClock"/> moves what the clock shows without time passing, as an operator or
/// NTP does.</remarks>
public sealed class FakeTimeProvider(DateTimeOffset start) : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<FakeTimer> timers = [];
    private TimeSpan elapsed;
    private TimeSpan jumped;
    private long armed;

    /// <inheritdoc />
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc />
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <summary>Timers waiting: a test may wait until the code under test sleeps again.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
                return timers.Count(timer => timer.Due is not null);
        }
    }

    /// <summary>Timers set so far: unchanged between two looks means that nobody fell asleep in between.</summary>
    public long Armed
    {
        get
        {
            lock (gate)
                return armed;
        }
    }

    /// <summary>Time until the next timer; null when nobody waits.</summary>
    public TimeSpan? NextDueIn
    {
        get
        {
            lock (gate)
                return timers.Min(timer => timer.Due) - elapsed;
        }
    }

    /// <inheritdoc />
    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
            return start + elapsed + jumped;
    }

    /// <inheritdoc />
    public override long GetTimestamp()
    {
        lock (gate)
            return elapsed.Ticks;
    }

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan by)
    {
        TimeSpan end;
        lock (gate)
            end = elapsed + by;
        while (true)
        {
            FakeTimer? next;
            lock (gate)
            {
                next = timers.Where(timer => timer.Due <= end).MinBy(timer => timer.Due);
                if (next is null)
                {
                    elapsed = end;
                    return;
                }

                elapsed = next.Due!.Value > elapsed ? next.Due.Value : elapsed;
                next.Rearm();
            }

            next.Callback();
        }
    }

    /// <summary>Sets the wall clock forward or back; timers and timestamps do not notice.</summary>
    public void JumpWallClock(TimeSpan by)
    {
        lock (gate)
            jumped += by;
    }

    /// <inheritdoc />
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        FakeTimer timer = new(this, () => callback(state));
        lock (gate)
            timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class FakeTimer(FakeTimeProvider clock, Action callback) : ITimer
    {
        private TimeSpan period = Timeout.InfiniteTimeSpan;

        public TimeSpan? Due { get; private set; }

        public Action Callback => callback;

        public void Rearm() => Due = period > TimeSpan.Zero ? Due + period : null;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            bool now;
            lock (clock.gate)
            {
                this.period = period;
                clock.armed++;
                Due = dueTime < TimeSpan.Zero ? null : clock.elapsed + dueTime;
                now = dueTime == TimeSpan.Zero;
                if (now)
                    Rearm();
            }

            if (now)
                ThreadPool.QueueUserWorkItem(_ => callback());
            return true;
        }

        public void Dispose()
        {
            lock (clock.gate)
                clock.timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
