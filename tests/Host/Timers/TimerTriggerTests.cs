using Durable.Host.Hosting;
using Durable.Host.Timers;
using Durable.Tests.Fixtures;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Durable.Tests.Host.Timers;

public sealed class TimerTriggerTests
{
    private const string EveryTenMinutes = "0 */10 * * * *";

    [Fact]
    public async Task Two_hosts_fire_every_occurrence_once_and_on_time()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        await world.StartHostAsync(EveryTenMinutes, "A");
        await world.StartHostAsync(EveryTenMinutes, "B");

        await world.AdvanceAsync(TimeSpan.FromMinutes(60));

        DateTimeOffset[] expected = [.. Enumerable.Range(1, 6).Select(i => TimerWorld.Utc("2026-01-01T00:00Z").AddMinutes(10 * i))];
        Assert.Equal(expected, world.Firings.Select(f => f.Occurrence));
        Assert.All(world.Firings, f => Assert.Equal(f.Occurrence, f.At));
        Assert.All(world.Firings, f => Assert.False(f.PastDue));
        Assert.Equal(default, world.Firings[0].Timer.ScheduleStatus!.Last);
        Assert.Equal(expected[0].UtcDateTime, world.Firings[1].Timer.ScheduleStatus!.Last);
    }

    [Fact]
    public async Task A_yearly_tick_missed_while_everything_was_off_fires_once_on_start()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-06-01T00:00Z");
        await world.StopAsync(await world.StartHostAsync("0 0 3 1 1 *", zone: "Asia/Seoul"));
        Assert.Equal(TimerWorld.Utc("2026-12-31T18:00Z"), (await world.StatusAsync()).NextAt);
        await world.SetClockAsync(TimerWorld.Utc("2027-03-01T00:00Z"));

        await world.StartHostAsync("0 0 3 1 1 *", "A", zone: "Asia/Seoul");
        await world.StartHostAsync("0 0 3 1 1 *", "B", zone: "Asia/Seoul");
        await world.AdvanceAsync(TimeSpan.FromMinutes(5));

        Firing firing = Assert.Single(world.Firings);
        Assert.True(firing.PastDue);
        Assert.Equal(TimerWorld.Utc("2026-12-31T18:00Z"), firing.Occurrence);
        Assert.Equal(TimerWorld.Utc("2027-12-31T18:00Z"), (await world.StatusAsync()).NextAt);
    }

    [Fact]
    public async Task Ten_missed_occurrences_are_made_up_for_by_one_call()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        await world.StopAsync(await world.StartHostAsync(EveryTenMinutes));
        await world.SetClockAsync(TimerWorld.Utc("2026-01-01T01:45Z"));

        await world.StartHostAsync(EveryTenMinutes);
        await world.AdvanceAsync(TimeSpan.FromMinutes(6));

        Assert.Equal(
            [(TimerWorld.Utc("2026-01-01T00:10Z"), true), (TimerWorld.Utc("2026-01-01T01:50Z"), false)],
            world.Firings.Select(f => (f.Occurrence, f.PastDue))
        );
    }

    [Fact]
    public async Task An_occurrence_whose_host_died_is_fired_again_by_another_within_the_lease()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        TimerHost dying = await world.StartHostAsync(EveryTenMinutes, "A", hold: true);
        await world.AdvanceAsync(TimeSpan.FromMinutes(7));
        await world.StartHostAsync(EveryTenMinutes, "B");
        await world.KillAsync(dying);

        await world.AdvanceAsync(TimeSpan.FromSeconds(11));

        Assert.Equal([("A", false), ("B", true)], world.Firings.Select(f => (f.Host, f.PastDue)));
        Assert.Equal(world.Firings[0].Occurrence, world.Firings[1].Occurrence);
        Assert.InRange(world.Firings[1].At - world.Firings[0].At, TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(10.1));

        // The dead wakes up and ends its call: nobody listens.
        dying.Release();
        await world.AdvanceAsync(TimeSpan.FromMinutes(10));
        Assert.Equal(3, world.Firings.Count);
        Assert.Equal(TimerWorld.Utc("2026-01-01T00:20Z"), (await world.StatusAsync()).LastAt);
    }

    [Fact]
    public async Task A_long_call_keeps_its_claim_and_is_never_joined_by_a_second_one()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:05Z");
        TimerHost slow = await world.StartHostAsync(EveryTenMinutes, "A", hold: true);
        await world.AdvanceAsync(TimeSpan.FromMinutes(5));
        await world.StartHostAsync(EveryTenMinutes, "B");

        await world.AdvanceAsync(TimeSpan.FromMinutes(25));
        Assert.Single(world.Firings);
        slow.Release();
        await world.AdvanceAsync(TimeSpan.FromMinutes(6));

        // 00:20 came due during the call and is fired late, once, in place of 00:20 and 00:30; then the schedule continues.
        Assert.Equal(
            [TimerWorld.Utc("2026-01-01T00:10Z"), TimerWorld.Utc("2026-01-01T00:20Z"), TimerWorld.Utc("2026-01-01T00:40Z")],
            world.Firings.Select(f => f.Occurrence)
        );
    }

    [Fact]
    public async Task An_occurrence_interrupted_by_a_stop_is_fired_again_at_the_next_start()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:09Z");
        TimerHost host = await world.StartHostAsync(EveryTenMinutes, "A", hold: true);
        await world.AdvanceAsync(TimeSpan.FromMinutes(1));
        await world.StopAsync(host);

        await world.StartHostAsync(EveryTenMinutes, "B");

        Assert.Equal([("A", false), ("B", true)], world.Firings.Select(f => (f.Host, f.PastDue)));
    }

    [Fact]
    public async Task An_occurrence_that_takes_three_hosts_down_is_given_up()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:09Z");
        foreach (string name in (string[])["A", "B", "C", "D"])
        {
            TimerHost host = await world.StartHostAsync(EveryTenMinutes, name, hold: true);
            await world.AdvanceAsync(TimeSpan.FromMinutes(1));
            await world.KillAsync(host);
        }

        Assert.Equal(["A", "B", "C"], world.Firings.Select(f => f.Host));
        Assert.Equal(TimerWorld.Utc("2026-01-01T00:20Z"), (await world.StatusAsync()).NextAt);
    }

    [Fact]
    public async Task A_call_that_throws_does_not_stop_the_schedule()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:09Z");
        await world.StartHostAsync(EveryTenMinutes, failWith: new InvalidOperationException("broken"));

        await world.AdvanceAsync(TimeSpan.FromMinutes(21));

        Assert.Equal(3, world.Firings.Count);
        Assert.All(world.Firings, f => Assert.False(f.PastDue));
    }

    [Fact]
    public async Task Run_on_startup_fires_at_once_and_leaves_the_schedule_alone()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        await world.StartHostAsync(EveryTenMinutes, runOnStartup: true);
        Assert.Equal(TimerWorld.Utc("2026-01-01T00:03Z"), Assert.Single(world.Firings).At);

        await world.AdvanceAsync(TimeSpan.FromMinutes(7));

        Assert.Equal(TimerWorld.Utc("2026-01-01T00:10Z"), world.Firings[1].At);
        Assert.Equal(2, world.Firings.Count);
    }

    [Theory, InlineData(EveryTenMinutes, false), InlineData("*/30 * * * * *", true)]
    public async Task A_timer_without_monitor_or_under_a_minute_makes_up_for_nothing(string schedule, bool useMonitor)
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        await world.StopAsync(await world.StartHostAsync(schedule, useMonitor: useMonitor));
        await world.SetClockAsync(TimerWorld.Utc("2026-01-01T02:09:31Z"));

        await world.StartHostAsync(schedule, useMonitor: useMonitor);
        await world.AdvanceAsync(TimeSpan.FromSeconds(29));

        Firing firing = Assert.Single(world.Firings);
        Assert.Equal(TimerWorld.Utc("2026-01-01T02:10Z"), firing.At);
        Assert.Null(firing.Timer.ScheduleStatus);
        Assert.False(firing.PastDue);
    }

    [Fact]
    public async Task A_changed_schedule_starts_afresh()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        await world.StopAsync(await world.StartHostAsync(EveryTenMinutes));
        await world.SetClockAsync(TimerWorld.Utc("2026-01-01T00:30Z"));

        await world.StartHostAsync("0 0 */6 * * *");

        Assert.Empty(world.Firings);
        Assert.Equal(
            ("0 0 */6 * * *", TimerWorld.Utc("2026-01-01T06:00Z")),
            ((await world.StatusAsync()).Schedule, (await world.StatusAsync()).NextAt)
        );
    }

    [Fact]
    public async Task While_paused_occurrences_pass_without_a_call()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        await world.StartHostAsync(EveryTenMinutes);
        Assert.True(await world.Store.PauseAsync("tick", paused: true, default));
        await world.AdvanceAsync(TimeSpan.FromMinutes(20));
        Assert.Empty(world.Firings);
        await world.Store.PauseAsync("Tick", paused: false, default);

        await world.AdvanceAsync(TimeSpan.FromMinutes(10));

        Assert.Equal(TimerWorld.Utc("2026-01-01T00:30Z"), Assert.Single(world.Firings).Occurrence);
    }

    [Fact]
    public async Task A_wall_clock_that_jumps_changes_nothing()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        TimerHost host = await world.StartHostAsync(EveryTenMinutes);
        foreach (int hours in (int[])[+5, -48])
        {
            host.Time.JumpWallClock(TimeSpan.FromHours(hours));
            await world.AdvanceAsync(TimeSpan.FromMinutes(10));
        }

        Assert.Equal([TimerWorld.Utc("2026-01-01T00:10Z"), TimerWorld.Utc("2026-01-01T00:20Z")], world.Firings.Select(f => f.At));
    }

    [Fact]
    public async Task A_database_clock_that_jumps_ahead_makes_up_once_within_a_minute()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:03Z");
        await world.StartHostAsync(EveryTenMinutes);
        await world.SetClockAsync(TimerWorld.Utc("2026-01-01T03:05Z"));

        await world.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((TimerWorld.Utc("2026-01-01T00:10Z"), true), (Assert.Single(world.Firings).Occurrence, world.Firings[0].PastDue));

        await world.AdvanceAsync(TimeSpan.FromMinutes(4));
        Assert.Equal(TimerWorld.Utc("2026-01-01T03:10Z"), world.Firings[1].Occurrence);
    }

    [Fact]
    public async Task A_database_clock_set_back_a_little_fires_nothing_twice()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:09Z");
        await world.StartHostAsync(EveryTenMinutes);
        await world.AdvanceAsync(TimeSpan.FromMinutes(2));
        await world.SetClockAsync(TimerWorld.Utc("2026-01-01T00:05Z"));

        await world.AdvanceAsync(TimeSpan.FromMinutes(16));

        Assert.Equal([TimerWorld.Utc("2026-01-01T00:10Z"), TimerWorld.Utc("2026-01-01T00:20Z")], world.Firings.Select(f => f.Occurrence));
    }

    [Fact]
    public async Task A_database_clock_set_back_by_a_year_does_not_stall_the_timer_for_a_year()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2027-01-01T00:09Z");
        await world.StartHostAsync(EveryTenMinutes);
        await world.AdvanceAsync(TimeSpan.FromMinutes(2));
        await world.SetClockAsync(TimerWorld.Utc("2026-01-01T00:05Z"));

        await world.AdvanceAsync(TimeSpan.FromMinutes(16));

        Assert.Equal(
            [TimerWorld.Utc("2027-01-01T00:10Z"), TimerWorld.Utc("2026-01-01T00:10Z"), TimerWorld.Utc("2026-01-01T00:20Z")],
            world.Firings.Select(f => f.Occurrence)
        );
    }

    [Fact]
    public async Task A_claim_left_in_the_future_by_a_clock_set_back_is_taken_over()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2027-01-01T00:09Z");
        TimerHost dying = await world.StartHostAsync(EveryTenMinutes, "A", hold: true);
        await world.AdvanceAsync(TimeSpan.FromMinutes(1));
        await world.KillAsync(dying);
        await world.SetClockAsync(TimerWorld.Utc("2026-01-01T00:05Z"));

        await world.StartHostAsync(EveryTenMinutes, "B");
        await world.AdvanceAsync(TimeSpan.FromSeconds(15));

        Assert.Equal(["A", "B"], world.Firings.Select(f => f.Host));
    }

    [Fact]
    public async Task A_store_that_fails_is_waited_out()
    {
        await using TimerWorld world = await TimerWorld.CreateAsync("2026-01-01T00:08Z");
        TimerHost host = await world.StartHostAsync(EveryTenMinutes);
        await world.ExecuteAsync("ALTER TABLE timers RENAME TO away");
        for (int minute = 0; minute < 3; minute++)
        {
            await world.SetClockAsync(world.Now.AddMinutes(1));
            long armed = host.Time.Armed;
            host.Time.Advance(TimeSpan.FromMinutes(1));
            while (host.Time.Armed == armed || host.Time.Waiting == 0)
                await Task.Delay(1);
        }

        await world.ExecuteAsync("ALTER TABLE away RENAME TO timers");
        await world.AdvanceAsync(TimeSpan.FromMinutes(1));

        Assert.True(Assert.Single(world.Firings).PastDue);
    }

    [Fact]
    public async Task On_real_clocks_two_hosts_fire_every_second_once_and_at_its_start()
    {
        NpgsqlConnectionStringBuilder connection = new(await PostgresServer.CreateDatabaseAsync()) { SearchPath = "hub" };
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(connection);
        TimerStore store = new(database, "hub");
        List<DateTimeOffset> calls = [];
        TaskCompletionSource enough = new();
        TimerFunction function = new(
            "Tick",
            "* * * * * *",
            RunOnStartup: false,
            UseMonitor: true,
            (_, _) =>
            {
                lock (calls)
                {
                    calls.Add(DateTimeOffset.UtcNow);
                    if (calls.Count == 4)
                        enough.TrySetResult();
                }

                return Task.CompletedTask;
            }
        );
        using TimerTriggerService a = Service(store, [function], out _);
        using TimerTriggerService b = Service(store, [function], out _);

        await Task.WhenAll(a.StartAsync(default), b.StartAsync(default));
        await enough.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await Task.WhenAll(a.StopAsync(default), b.StopAsync(default));

        Assert.Equal(calls.Count, calls.Select(call => call.ToUnixTimeSeconds()).Distinct().Count());
        Assert.True(
            calls.Average(call => call.Millisecond) < 500,
            $"Fired {string.Join(", ", calls.Select(call => call.Millisecond))} ms into the second."
        );
    }

    [Fact]
    public void Schedules_come_from_settings_and_mistakes_name_function_field_and_remedy()
    {
        TimerFunction[] functions =
        [
            Named("Good", "%GoodSchedule%"),
            Named("Lost", "%NoSuchSchedule%"),
            Named("Odd", "0 0 25 * * *"),
            Named("Far", "0 0 9 * * *"),
        ];
        using TimerTriggerService service = Service(
            new TimerStore(NpgsqlDataSource.Create("Host=127.0.0.1;Port=1"), "hub"),
            functions,
            out HostState state,
            ("GoodSchedule", "0 0 9 * * *"),
            ("WEBSITE_TIME_ZONE", "Asia/Seoul"),
            ("AzureFunctions:Timers:Far:TimeZone", "Mars/Olympus")
        );

        Assert.Null(service.Schedules());

        string error = Assert.Single(state.Errors);
        Assert.DoesNotContain("'Good'", error, StringComparison.Ordinal);
        Assert.Contains(
            "'Lost', schedule '%NoSuchSchedule%': '%NoSuchSchedule%' does not resolve to a value; set the app setting",
            error,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'Odd', schedule '0 0 25 * * *': the hour field '25' cannot be read: 25 is higher than the maximum",
            error,
            StringComparison.Ordinal
        );
        Assert.Contains("'Far', schedule '0 0 9 * * *': there is no time zone 'Mars/Olympus'", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_s_own_zone_goes_before_the_app_s()
    {
        TimerFunction[] functions = [Named("Here", "0 0 9 * * *"), Named("There", "0 0 9 * * *")];
        using TimerTriggerService service = Service(
            new TimerStore(NpgsqlDataSource.Create("Host=127.0.0.1;Port=1"), "hub"),
            functions,
            out _,
            ("WEBSITE_TIME_ZONE", "Asia/Seoul"),
            ("AzureFunctions:Timers:There:TimeZone", "Europe/Berlin")
        );

        Assert.Equal(["Asia/Seoul", "Europe/Berlin"], service.Schedules()!.Select(s => s.Schedule.TimeZone));
    }

    private static TimerFunction Named(string name, string schedule) =>
        new(name, schedule, RunOnStartup: false, UseMonitor: true, (_, _) => Task.CompletedTask);

    private static TimerTriggerService Service(
        TimerStore store,
        IReadOnlyList<TimerFunction> functions,
        out HostState state,
        params (string Name, string Value)[] settings
    )
    {
        state = new HostState();
        IConfigurationRoot configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>(s.Name, s.Value)))
            .Build();
        return new TimerTriggerService(
            new Functions(functions),
            store,
            configuration,
            state,
            new TimerOptions(),
            TimeProvider.System,
            NullLogger<TimerTriggerService>.Instance
        );
    }

    private sealed record Functions(IReadOnlyList<TimerFunction> All) : ITimerFunctions;
}
