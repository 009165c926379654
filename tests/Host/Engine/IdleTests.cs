using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Host.Telemetry;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Engine;

/// <summary>Instances that have nothing to do cost nothing: no turn and no look at the store, also after a restart.</summary>
public sealed class IdleTests
{
    private static readonly TimeSpan Watched = TimeSpan.FromMilliseconds(600);

    private static ScenarioRuntime App() =>
        new ScenarioRuntime()
            .Orchestrator(
                "IdleTimer",
                async context =>
                {
                    await context.CreateTimer(TimeSpan.FromSeconds(3), CancellationToken.None); // long enough to be suspended first on a busy machine
                    return "fired";
                }
            )
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

        await using TestEngine again = await TestEngine.StartAsync(
            App(),
            database,
            new HubSettings { HubName = "TestHub", ExtendedSessions = false }
        );
        await again.RaiseAsync("timer", "unread", 1); // has it loaded and replayed
        await Eventually.HoldsAsync(async () => (await again.Hub.ReadHistoryAsync("timer")).Any(e => e.Kind == EventKind.EventRaised));
        Assert.Equal(0, await TurnsAsync());
        await again.TellAsync("timer", EventKind.ExecutionResumed, "on");
        Assert.Equal("\"fired\"", (await again.EndAsync("timer")).Output);
    }

    /// <summary>An activity that ended its host again and again is given up; the instance continues with the failure, and nobody looks at
    /// it any more.</summary>
    [Fact]
    public async Task Poisoned_and_unreadable_instances_take_no_turn_and_no_look_before_and_after_a_restart()
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        int begun = 0;
        ScenarioRuntime app = App()
            .Activity<int, int>(
                "IdlePoison",
                async (_, cancellation) =>
                {
                    Interlocked.Increment(ref begun);
                    await Task.Delay(Timeout.Infinite, cancellation); // ends with its host
                    return 0;
                }
            )
            .Orchestrator(
                "IdlePoisoned",
                async context =>
                {
                    try
                    {
                        return $"{await context.CallActivityAsync<int>("IdlePoison", 1)}";
                    }
                    catch (TaskFailedException error)
                    {
                        context.SetCustomStatus(error.FailureDetails.ErrorType);
                        return await context.WaitForExternalEvent<string>("go");
                    }
                }
            );
        HubSettings once = new()
        {
            HubName = "TestHub",
            ExtendedSessions = true,
            MaxDeliveries = 1,
        };
        await using (TestEngine dying = await TestEngine.StartAsync(app, database, once))
        {
            await dying.ScheduleAsync("IdlePoisoned", id: "poisoned");
            await Eventually.HoldsAsync(() => Volatile.Read(ref begun) == 1);
        }

        await using (NpgsqlDataSource server = NpgsqlDataSource.Create(database))
        await using (NpgsqlCommand died = server.CreateCommand("UPDATE testhub.activities SET deliveries = 3, starts = 1")) // as if two more hosts had ended with it
            Assert.Equal(1, await died.ExecuteNonQueryAsync());

        await using (TestEngine engine = await TestEngine.StartAsync(app, database, once))
        {
            await Eventually.HoldsAsync(async () =>
                (await engine.Hub.GetAsync("poisoned", true))?.CustomStatus == "\"Durable.Host.PoisonActivity\""
            );
            await engine.ScheduleAsync("IdleWait", id: "unreadable");
            await engine.Hub.WaitAsync("unreadable", completion: false, payloads: false);
            await using (
                NpgsqlCommand spoil = engine.Database.Source.CreateCommand(
                    "WITH told AS (UPDATE instances SET sent = sent + 1 WHERE instance_id = 'unreadable') INSERT INTO inbox (instance_id, kind, task_id, name, data, detail) VALUES ('unreadable', 41, -1, 'go', '1', '{not json')"
                )
            )
                await spoil.ExecuteNonQueryAsync();
            await engine.RaiseAsync("unreadable", "go", 1);
            Assert.Equal(OrchestrationRuntimeStatus.Failed, (await engine.EndAsync("unreadable")).Status);
            await IsIdleAsync(engine);
        }

        await using TestEngine again = await TestEngine.StartAsync(app, database, once);
        await IsIdleAsync(again);
        Assert.Equal(1, begun);
        await again.RaiseAsync("poisoned", "go", "on");
        Assert.Equal("\"on\"", (await again.EndAsync("poisoned")).Output);

        static async Task IsIdleAsync(TestEngine engine)
        {
            ConcurrentQueue<string> looks = [];
            engine.Database.Probe = point =>
            {
                if (point is { After: false, Operation: not ("renew lease" or "free the dead") }) // what a host does by the clock, whatever it holds
                    looks.Enqueue(point.Operation);
            };
            await Eventually.HoldsAsync(async () => // what the last turn and the wait for it left behind
            {
                looks.Clear();
                await Task.Delay(Watched);
                return looks.IsEmpty;
            });
            Assert.Equal(0, await TurnsAsync());
            engine.Database.Probe = null;
            Assert.Empty(looks);
        }
    }

    [Fact]
    public async Task A_due_instance_without_a_place_is_looked_for_now_and_then()
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        int looks = 0;
        Stopwatch watch = Stopwatch.StartNew();
        await using TestEngine engine = await TestEngine.StartAsync(
            App(),
            database,
            new HubSettings
            {
                HubName = "TestHub",
                ExtendedSessions = true,
                MaxSessions = 1,
            }
        );
        await engine.ScheduleAsync("IdleWait", id: "waiting");
        await engine.Hub.WaitAsync("waiting", completion: false, payloads: false);
        engine.Database.Probe = point => looks += point is { Operation: "claim instances", After: false } ? 1 : 0;
        await engine.Hub.StartAsync(
            new StartRequest("scheduled", "IdleScheduled", null, StartAt: DateTimeOffset.UtcNow.AddMilliseconds(100))
        );

        await Task.Delay(Watched);
        Assert.InRange(looks, 1, 2 + (int)(watch.Elapsed / TimeSpan.FromMilliseconds(50)));
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
                if (instrument.Meter.Name == DurableTelemetry.MeterName && instrument.Name == "durable.turns")
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>(
            (_, value, tags, _) =>
            {
                if (tags[0].Value is string name && name.StartsWith("Idle", StringComparison.Ordinal))
                    Interlocked.Add(ref turns, value);
            }
        );
        listener.Start();
        await Task.Delay(Watched);
        return Interlocked.Read(ref turns);
    }
}
