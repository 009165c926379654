using System.Collections.Concurrent;
using System.Globalization;
using Durable.Host.Hosting;
using Durable.Host.Timers;
using Durable.Tests.Fixtures;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Durable.Tests.Host.Timers;

/// <summary>Hosts with clocks of their own on one real database whose clock the test holds. Time passes only in
/// <see cref="AdvanceAsync"/>.</summary>
internal sealed class TimerWorld : IAsyncDisposable
{
    private const string Clock = "(SELECT at FROM test_clock)";
    private readonly NpgsqlDataSource database;
    private readonly ConcurrentQueue<Firing> firings = new();
    private readonly List<TimerHost> alive = [];
    private readonly List<TimerHost> all = [];
    private readonly List<Guid> dead = [];

    private TimerWorld(NpgsqlDataSource database, DateTimeOffset now)
    {
        this.database = database;
        Now = now;
        Store = new TimerStore(database, "hub", Clock);
    }

    /// <summary>The database clock.</summary>
    public DateTimeOffset Now { get; private set; }

    public TimerStore Store { get; }

    public IReadOnlyList<Firing> Firings => [.. firings];

    public static async Task<TimerWorld> CreateAsync(string now)
    {
        NpgsqlConnectionStringBuilder connection = new(await PostgresServer.CreateDatabaseAsync()) { SearchPath = "hub" };
        TimerWorld world = new(NpgsqlDataSource.Create(connection), Utc(now));
        await world.Store.PrepareAsync(default);
        await world.ExecuteAsync("CREATE TABLE test_clock (at timestamptz NOT NULL)");
        await world.ExecuteAsync("INSERT INTO test_clock VALUES ($1)", world.Now.UtcDateTime);
        return world;
    }

    public static DateTimeOffset Utc(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    /// <summary>Starts a host with one timer function, <c>Tick</c>, and waits until it sleeps or holds a call.</summary>
    public async Task<TimerHost> StartHostAsync(
        string schedule,
        string name = "A",
        bool hold = false,
        bool runOnStartup = false,
        bool useMonitor = true,
        string zone = "UTC",
        Exception? failWith = null
    )
    {
        TimerHost host = new(name, Now) { Hold = hold };
        IConfigurationRoot settings = new ConfigurationBuilder().AddInMemoryCollection([new("WEBSITE_TIME_ZONE", zone)]).Build();
        TimerFunction function = new(
            "Tick",
            schedule,
            runOnStartup,
            useMonitor,
            async (timer, cancellation) =>
            {
                firings.Enqueue(new Firing(name, Now, timer));
                await host.HoldAsync(cancellation);
                if (failWith is not null)
                    throw failWith;
            }
        );
        host.Service = new TimerTriggerService(
            new OneFunction(function),
            Store,
            settings,
            new HostState(),
            new TimerOptions(),
            host.Time,
            NullLogger<TimerTriggerService>.Instance
        );
        alive.Add(host);
        all.Add(host);
        await host.Service.StartAsync(default);
        await SettleAsync();
        return host;
    }

    /// <summary>Lets time pass everywhere, from one thing due to the next.</summary>
    public async Task AdvanceAsync(TimeSpan by)
    {
        while (by > TimeSpan.Zero)
        {
            TimeSpan? next = alive.Min(host => host.Time.NextDueIn);
            TimeSpan step = next < by ? next.Value : by;
            await SetClockAsync(Now + step);
            foreach (TimerHost host in alive)
                host.Time.Advance(step);
            by -= step;
            await SettleAsync();
        }
    }

    /// <summary>Sets the database clock; no time passes for the hosts.</summary>
    public async Task SetClockAsync(DateTimeOffset now)
    {
        Now = now;
        await ExecuteAsync("UPDATE test_clock SET at = $1", now.UtcDateTime);
    }

    /// <summary>The host does nothing more, as after kill -9: its clock stands still. The claim that is held now is its.</summary>
    public async Task KillAsync(TimerHost host)
    {
        alive.Remove(host);
        if (host.IsHolding && (await Store.ReadAsync("Tick", default))?.FiringBy is { } claim)
            dead.Add(claim);
    }

    public async Task StopAsync(TimerHost host)
    {
        alive.Remove(host);
        await host.Service!.StopAsync(default);
    }

    public async Task<TimerStatus> StatusAsync() => Assert.Single(await Store.ListAsync(default));

    public async Task ExecuteAsync(string sql, params object[] values)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        foreach (object value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Until every living host sleeps, or has its call held.</summary>
    public async Task SettleAsync()
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(30));
        while (true)
        {
            long armed = alive.Sum(host => host.Time.Armed);
            bool asleep = alive.All(host => host.Time.Waiting == 1);
            bool none = asleep && alive.Count(host => host.IsHolding) == await RunningAmongTheLivingAsync();
            if (none && alive.All(host => host.Time.Waiting == 1) && armed == alive.Sum(host => host.Time.Armed))
                return;
            if (patience.IsCancellationRequested)
            {
                throw new TimeoutException(
                    "Not asleep: "
                        + string.Join(
                            ", ",
                            alive.Select(h => $"{h.Name} waits for {h.Time.Waiting}, next in {h.Time.NextDueIn}, holds {h.IsHolding}")
                        )
                );
            }

            await Task.Delay(1);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (TimerHost host in all)
        {
            host.Release();
            await host.Service!.StopAsync(default);
        }

        await database.DisposeAsync();
    }

    /// <summary>A dead host's claim is not waited for: nobody is going to clear it before its lease has run out.</summary>
    private async Task<long> RunningAmongTheLivingAsync()
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT count(*) FROM timers WHERE firing_at IS NOT NULL AND firing_by <> ALL ($1)"
        );
        command.Parameters.Add(new NpgsqlParameter { Value = dead.ToArray() });
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private sealed class OneFunction(TimerFunction function) : ITimerFunctions
    {
        public IReadOnlyList<TimerFunction> All => [function];
    }
}

/// <summary>One call of the timer function: by which host, when on the database clock, told what.</summary>
internal sealed record Firing(string Host, DateTimeOffset At, TimerInfo Timer)
{
    public DateTimeOffset Occurrence => Timer.ScheduleStatus!.Next;

    public bool PastDue => Timer.IsPastDue;
}

/// <summary>A host process: its own clock, and calls that can be held.</summary>
internal sealed class TimerHost(string name, DateTimeOffset now)
{
    private TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => name;

    public FakeTimeProvider Time { get; } = new(now);

    public TimerTriggerService? Service { get; set; }

    /// <summary>Whether calls from now on are held until <see cref="Release"/>.</summary>
    public bool Hold { get; set; }

    public bool IsHolding { get; private set; }

    public void Release()
    {
        Hold = false;
        released.TrySetResult();
    }

    public async Task HoldAsync(CancellationToken cancellation)
    {
        if (!Hold)
            return;
        released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        IsHolding = true;
        try
        {
            await released.Task.WaitAsync(cancellation);
        }
        finally
        {
            IsHolding = false;
        }
    }
}
