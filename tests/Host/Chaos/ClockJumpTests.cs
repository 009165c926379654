using System.Diagnostics;
using System.Globalization;
using Durable.Host.Store;
using Durable.Tests.Host.Engine;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Chaos;

/// <summary>Jumps of the database's clock, which is the only clock timers know (the machine's own wall clock is never read after the
/// start).</summary>
public sealed class ClockJumpTests
{
    // Renewals would read the true clock again: none within the test.
    private static readonly HubSettings Quiet = new()
    {
        HubName = "TestHub",
        ExtendedSessions = true,
        LeaseTime = TimeSpan.FromMinutes(10),
        RenewEvery = TimeSpan.FromMinutes(5),
    };

    private static ScenarioRuntime Waiting() =>
        new ScenarioRuntime().Orchestrator(
            "Wait",
            async context =>
            {
                DateTime before = context.CurrentUtcDateTime;
                await context.CreateTimer(TimeSpan.FromSeconds(context.GetInput<double>()), CancellationToken.None);
                return (context.CurrentUtcDateTime - before).TotalSeconds;
            }
        );

    [Fact]
    public void The_clock_stands_still_for_a_small_step_back_and_follows_a_large_one()
    {
        HubClock clock = new();
        DateTime noon = new(2026, 3, 29, 12, 0, 0, DateTimeKind.Utc);
        clock.Set(noon.AddYears(1));
        DateTime ahead = clock.UtcNow;
        clock.Set(ahead.AddSeconds(-30));
        Assert.InRange(clock.UtcNow, ahead, ahead.AddSeconds(20));
        clock.Set(noon);
        Assert.InRange(clock.UtcNow, noon, noon.AddSeconds(20));
    }

    [Fact]
    public async Task A_timer_that_a_forward_jump_makes_due_fires_at_once()
    {
        await using TestEngine engine = await TestEngine.StartAsync(Waiting(), settings: Quiet);
        string id = await engine.ScheduleAsync("Wait", 3600.0);
        await UntilTimerIsSetAsync(engine, id);

        engine.Clock.Set(engine.Clock.UtcNow.AddHours(2));
        InstanceRecord run = await engine.EndAsync(id);

        Assert.Equal(OrchestrationRuntimeStatus.Completed, run.Status);
        Assert.InRange(double.Parse(run.Output!, CultureInfo.InvariantCulture), 7200 - 1, 7200 + 60);
    }

    [Fact]
    public async Task A_timer_neither_fires_early_nor_hangs_when_the_clock_steps_back()
    {
        await using TestEngine engine = await TestEngine.StartAsync(Waiting(), settings: Quiet);
        Stopwatch watch = Stopwatch.StartNew();
        string id = await engine.ScheduleAsync("Wait", 1.0);
        await UntilTimerIsSetAsync(engine, id);

        engine.Clock.Set(engine.Clock.UtcNow.AddSeconds(-2));
        InstanceRecord run = await engine.EndAsync(id);

        // Due 1 s after the start by a clock that went back 2 s.
        Assert.InRange(double.Parse(run.Output!, CultureInfo.InvariantCulture), 1, 60);
        Assert.True(watch.Elapsed.TotalSeconds >= 2.9, $"It fired after {watch.Elapsed}.");
    }

    [Fact]
    public async Task New_timers_take_their_time_after_a_large_step_back()
    {
        await using TestEngine engine = await TestEngine.StartAsync(Waiting(), settings: Quiet);
        engine.Clock.Set(engine.Clock.UtcNow.AddHours(-5));
        Stopwatch watch = Stopwatch.StartNew();

        InstanceRecord run = await engine.RunAsync("Wait", 1.0);

        Assert.InRange(double.Parse(run.Output!, CultureInfo.InvariantCulture), 1, 60);
        Assert.True(watch.Elapsed.TotalSeconds >= 1, $"It fired after {watch.Elapsed}.");
    }

    private static async Task UntilTimerIsSetAsync(TestEngine engine, string id) =>
        await ChaosHub.UntilAsync(
            async () =>
                await engine.Database.RunAsync(
                    "look",
                    async connection =>
                    {
                        await using Npgsql.NpgsqlCommand command = new(
                            "SELECT due_at IS NOT NULL FROM instances WHERE instance_id = $1",
                            connection
                        )
                        {
                            Parameters = { new() { Value = id } },
                        };
                        return await command.ExecuteScalarAsync() is true;
                    },
                    CancellationToken.None
                ),
            60,
            () => Task.FromResult("no timer was set")
        );
}
