using System.Diagnostics.Metrics;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Host.Telemetry;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Engine;

/// <summary>Instances that have nothing to do cost nothing: no turn and no look at the store, also after a restart.</summary>
public sealed class IdleTests
{
    private static readonly TimeSpan Watched = TimeSpan.FromMilliseconds(600);

    private static ScenarioRuntime App() => new ScenarioRuntime()
        .Orchestrator("IdleTimer", async context =>
        {
            await context.CreateTimer(TimeSpan.FromSeconds(3), CancellationToken.None); // long enough to be suspended first on a busy machine
            return "fired";
        })
        .Orchestrator("IdleWait", async context => await context.WaitForExternalEvent<string>("go"))
        .Orchestrator("IdleScheduled", _ => Task.FromResult("ran"));

    [Fact]
    public async Task Suspended_waiting_and_scheduled_instances_take_no_turn_before_and_after_a_restart()
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        await using (TestEngine engine = await TestEngine.StartAsync(App(), database))
        {
            await engine.ScheduleAsync("IdleTimer", id: "timer");
            await engine.ScheduleAsync("IdleWait", id: "waiting");
            await engine.Hub.StartAsync(new StartRequest("scheduled", "IdleScheduled", null, StartAt: DateTimeOffset.UtcNow.AddHours(1)));
            await engine.Hub.StartAsync(new StartRequest("poked", "IdleScheduled", null, StartAt: DateTimeOffset.UtcNow.AddHours(1)));
            await engine.RaiseAsync("poked", "early", 1);
            await engine.Hub.WaitAsync("timer", completion: false, payloads: false);
            await engine.TellAsync("timer", EventKind.ExecutionSuspended, "hold");
            await Eventually.HoldsAsync(async () => (await engine.Hub.ReadHistoryAsync("timer")).Any(e => e.Kind == EventKind.TimerFired));

            Assert.Equal(0, await TurnsAsync());
            Assert.Equal(OrchestrationRuntimeStatus.Suspended, (await engine.Hub.GetAsync("timer", false))!.Status);
        }

        await using TestEngine again = await TestEngine.StartAsync(App(), database, new HubSettings { HubName = "TestHub", ExtendedSessions = false });
        await again.RaiseAsync("timer", "unread", 1); // has it loaded and replayed
        await Eventually.HoldsAsync(async () => (await again.Hub.ReadHistoryAsync("timer")).Any(e => e.Kind == EventKind.EventRaised));
        Assert.Equal(0, await TurnsAsync());
        await again.TellAsync("timer", EventKind.ExecutionResumed, "on");
        Assert.Equal("\"fired\"", (await again.EndAsync("timer")).Output);
    }

    [Fact]
    public async Task A_due_instance_without_a_place_is_looked_for_now_and_then()
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        int looks = 0;
        await using TestEngine engine = await TestEngine.StartAsync(App(), database, new HubSettings { HubName = "TestHub", ExtendedSessions = true, MaxSessions = 1 });
        await engine.ScheduleAsync("IdleWait", id: "waiting");
        await engine.Hub.WaitAsync("waiting", completion: false, payloads: false);
        engine.Database.Probe = point => looks += point is { Operation: "claim instances", After: false } ? 1 : 0;
        await engine.Hub.StartAsync(new StartRequest("scheduled", "IdleScheduled", null, StartAt: DateTimeOffset.UtcNow.AddMilliseconds(100)));

        await Task.Delay(Watched);
        Assert.InRange(looks, 1, 2 + (int)(Watched / TimeSpan.FromMilliseconds(50)));
        Assert.Equal("\"ran\"", (await engine.EndAsync("scheduled")).Output); // the waiting one has been given up for it
    }

    /// <summary>Turns of this test's orchestrators while nothing is sent to them.</summary>
    private static async Task<long> TurnsAsync()
    {
        await Task.Delay(100);
        long turns = 0;
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name == DurableTelemetry.MeterName && instrument.Name == "durable.turns") listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            if (tags[0].Value is string name && name.StartsWith("Idle", StringComparison.Ordinal)) Interlocked.Add(ref turns, value);
        });
        listener.Start();
        await Task.Delay(Watched);
        return Interlocked.Read(ref turns);
    }
}
