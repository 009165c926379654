using System.Collections.Concurrent;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Engine;

/// <summary>Many instances on few workers: every one of them goes on, and a turn costs the same however many there are.</summary>
public sealed class FairShareTests
{
    private const int Steps = 12;

    [Fact]
    public async Task Instances_that_call_one_activity_after_another_leave_room_for_those_that_wait()
    {
        ConcurrentDictionary<int, int> done = [];
        int[]? seen = null;
        ScenarioRuntime app = new ScenarioRuntime()
            .Orchestrator(
                "Walk",
                async context =>
                {
                    int walker = context.GetInput<int>();
                    for (int i = 0; i < Steps; i++)
                        await context.CallActivityAsync<int>("Step", walker);
                    return walker;
                }
            )
            .Activity<int, int>(
                "Step",
                async walker =>
                {
                    await Task.Delay(30); // too long for places claimed ahead
                    int steps = done.AddOrUpdate(walker, 1, (_, n) => n + 1);
                    if (steps == Steps)
                        Interlocked.CompareExchange(ref seen, [.. done.Values], null);
                    return steps;
                }
            );
        await using TestEngine engine = await TestEngine.StartAsync(
            app,
            settings: new HubSettings
            {
                HubName = "TestHub",
                ExtendedSessions = true,
                MaxConcurrentActivities = 2,
            }
        );

        string[] ids = await Task.WhenAll(Enumerable.Range(0, 16).Select(walker => engine.ScheduleAsync("Walk", walker)));
        foreach (string id in ids)
            Assert.Equal(OrchestrationRuntimeStatus.Completed, (await engine.EndAsync(id)).Status);

        Assert.Equal(16, seen!.Length);
        Assert.All(seen, steps => Assert.InRange(steps, Steps / 4, Steps));
    }

    [Fact]
    public async Task Instances_that_wait_for_a_place_are_taken_by_age_whatever_their_ids()
    {
        const int Places = 4;
        string database = await PostgresServer.CreateDatabaseAsync();
        ConcurrentQueue<string> begun = new();
        ScenarioRuntime app = new ScenarioRuntime()
            .Orchestrator("Begin", async context => await context.CallActivityAsync<string>("Note", context.InstanceId))
            .Activity<string, string>(
                "Note",
                id =>
                {
                    begun.Enqueue(id);
                    return Task.FromResult(id);
                }
            );
        await using (TestEngine first = await TestEngine.StartAsync(app, database))
            await first.RunAsync("Begin", id: "makes the schema");
        string[] byAge = [.. Enumerable.Range(10, 40).Select(n => $"instance-{99 - n}")];
        await using (TestEngine stopped = TestEngine.Create(app, database))
        {
            foreach (string id in byAge)
                await stopped.ScheduleAsync("Begin", id: id);
        }

        begun.Clear();
        HubSettings few = new()
        {
            HubName = "TestHub",
            ExtendedSessions = true,
            MaxSessions = Places,
            RenewEvery = TimeSpan.FromMinutes(1), // nothing but the end of an instance says that a place is free
            LeaseTime = TimeSpan.FromMinutes(5),
        };
        await using TestEngine engine = await TestEngine.StartAsync(app, database, few);
        foreach (string id in byAge)
            await engine.EndAsync(id);

        string[] order = [.. begun];
        Assert.Equal(byAge.Length, order.Length);
        Assert.All(order.Index(), seen => Assert.InRange(Array.IndexOf(byAge, seen.Item) - seen.Index, -Places, Places));
    }

    [Fact]
    public async Task A_commit_of_many_turns_reads_their_rows_only_however_many_instances_there_are()
    {
        const int Before = 2500,
            Waves = 10,
            AtOnce = 64;
        string database = await PostgresServer.CreateDatabaseAsync();
        ScenarioRuntime app = new ScenarioRuntime()
            .Orchestrator("One", async context => await context.CallActivityAsync<int>("Same", 1))
            .Activity<int, int>("Same", Task.FromResult);
        await using (TestEngine first = await TestEngine.StartAsync(app, database))
        {
            await RunAsync(first, 1);
            await using NpgsqlCommand fill = first.Database.Source.CreateCommand(
                $"""
                INSERT INTO instances (instance_id, execution_id, name, status, sent, handled, history_length, completed_at)
                SELECT 'ended-' || n, gen_random_uuid(), 'One', 1, 2, 2, 5, now() FROM generate_series(1, {Before}) n;
                ANALYZE
                """
            );
            await fill.ExecuteNonQueryAsync();
        }

        long read = await RowsRead.ByAsync(
            database,
            "testhub",
            async () =>
            {
                await using TestEngine engine = await TestEngine.StartAsync(app, database);
                for (int wave = 0; wave < Waves; wave++)
                    await RunAsync(engine, AtOnce);
            }
        );

        Assert.InRange(read / (Waves * AtOnce), 1, 60); // 21 when this was written; 459 with a scan of the table in each commit and claim
    }

    private static async Task RunAsync(TestEngine engine, int instances)
    {
        string[] ids = await Task.WhenAll(Enumerable.Range(0, instances).Select(_ => engine.ScheduleAsync("One")));
        foreach (string id in ids)
            await engine.EndAsync(id);
    }
}
