using System.Collections.Concurrent;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask;
using Npgsql;
using Xunit.Abstractions;

namespace Durable.Tests.Host.Engine;

/// <summary>Every accepted message counts once, in its sender's order, whatever else happens to the instance. <c>DURABLE_CHAOS_LONG=1</c>:
/// 1,000 instances instead of 90.</summary>
public sealed class ExactlyOnceTests(ITestOutputHelper output)
{
    private const int Clients = 20;
    private const int SendersOfEach = 3;
    private const int EventsOfEach = 4;
    private static readonly ConcurrentDictionary<string, bool> InTurn = [];
    private static int overlaps;

    /// <summary>Gathers every item until the item "end"; the input of a next execution is what was gathered before it.</summary>
    private static ScenarioRuntime App() =>
        new ScenarioRuntime()
            .Orchestrator(
                "Gather",
                async context =>
                {
                    List<string> items = [];
                    while (await context.WaitForExternalEvent<string>("item") is var item && item != "end")
                    {
                        Step(context);
                        items.Add(item);
                    }

                    return items;
                }
            )
            .Orchestrator(
                "GatherAnew",
                async context =>
                {
                    List<string> items = context.GetInput<List<string>>() ?? [];
                    for (int taken = 0; taken < 2; taken++)
                    {
                        string item = await context.WaitForExternalEvent<string>("item");
                        if (item == "end")
                        {
                            return items;
                        }

                        Step(context);
                        items.Add(item);
                    }

                    context.ContinueAsNew(items, preserveUnprocessedEvents: true);
                    return items;
                }
            );

    /// <summary>Code of a turn, which nobody else runs for the same instance meanwhile: a session belongs to one holder.</summary>
    private static void Step(TaskOrchestrationContext context)
    {
        if (!InTurn.TryAdd(context.InstanceId, true))
            Interlocked.Increment(ref overlaps);
        Thread.SpinWait(500);
        InTurn.TryRemove(context.InstanceId, out _);
    }

    [Fact]
    public async Task Messages_of_many_clients_on_two_hosts_count_once_each_and_in_order()
    {
        int instances = Environment.GetEnvironmentVariable("DURABLE_CHAOS_LONG") == "1" ? 1000 : 90;
        string database = await PostgresServer.CreateDatabaseAsync();
        HubSettings settings = new()
        {
            HubName = "TestHub",
            ExtendedSessions = true,
            IdleTimeout = TimeSpan.FromMilliseconds(100),
            RenewEvery = TimeSpan.FromMilliseconds(100),
        };
        await using TestEngine one = await TestEngine.StartAsync(App(), database, settings);
        await using TestEngine two = await TestEngine.StartAsync(App(), database, settings);
        ConcurrentQueue<(string Id, EventKind Kind, int Sender, int N)> accepted = [];

        // Instance i: kept whole (i % 3 = 0), continued as new (1), terminated in the middle of its mail (2). Its senders are clients i, i
        // + 1 and i + 2.
        await Task.WhenAll(
            Enumerable
                .Range(0, instances)
                .Select(i => (i % 2 == 0 ? one : two).ScheduleAsync(i % 3 == 1 ? "GatherAnew" : "Gather", id: Id(i)))
        );
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(() => SendAsync(client))));
        await Task.WhenAll(from i in Enumerable.Range(0, instances) where i % 3 < 2 select one.RaiseAsync(Id(i), "item", "end"));
        await Task.WhenAll(Enumerable.Range(0, instances).Select(i => two.EndAsync(Id(i), 60)));

        await StoreAsync(one, [.. accepted]);
        long lost = await CountAsync(
            one,
            """
            SELECT count(*) FROM accepted a JOIN instances i USING (instance_id)
            WHERE a.kind = 41 AND i.status = 1 AND NOT i.output::jsonb ? format('%s:%s', a.sender, a.n)
            """
        );
        long doubled = await CountAsync(
            one,
            """
            SELECT count(*) FROM (
                SELECT 1 FROM instances i CROSS JOIN jsonb_array_elements_text(i.output::jsonb) item WHERE i.status = 1
                GROUP BY i.instance_id, item HAVING count(*) > 1
                UNION ALL SELECT 1 FROM history WHERE kind = 41 AND data <> '"end"' GROUP BY run_no, data HAVING count(*) > 1) d
            """
        );
        long disordered = await CountAsync(
            one,
            """
            WITH item AS (
                SELECT i.instance_id, split_part(e.item, ':', 1) AS sender, split_part(e.item, ':', 2)::int AS n, e.place
                FROM instances i CROSS JOIN jsonb_array_elements_text(i.output::jsonb) WITH ORDINALITY AS e (item, place) WHERE i.status = 1
                UNION ALL SELECT h.run_no::text, split_part(h.data::jsonb #>> '{}', ':', 1),
                    split_part(h.data::jsonb #>> '{}', ':', 2)::int, h.sequence
                FROM history h WHERE h.kind = 41 AND h.data <> '"end"')
            SELECT count(*) FROM (SELECT n < lag(n) OVER (PARTITION BY instance_id, sender ORDER BY place) AS back FROM item) o WHERE back
            """
        );
        // Of an execution that was kept whole, history holds each accepted suspend and resume once.
        long miscounted = await CountAsync(
            one,
            """
            SELECT count(*) FROM (
                SELECT i.instance_id, k.kind, (SELECT count(*) FROM history h WHERE h.run_no = i.run_no AND h.kind = k.kind) AS recorded,
                    (SELECT count(*) FROM accepted a WHERE a.instance_id = i.instance_id AND a.kind = k.kind) AS sent
                FROM instances i CROSS JOIN (VALUES (3), (4)) k (kind) WHERE i.name = 'Gather' AND i.status = 1) c WHERE recorded <> sent
            """
        );
        long left = await CountAsync(one, "SELECT count(*) FROM inbox");
        output.WriteLine($"{await CountAsync(one, "SELECT count(*) FROM accepted")} messages to {instances} instances");
        Assert.Equal((0L, 0L, 0L, 0L, 0L), (lost, doubled, disordered, miscounted, left));
        Assert.Equal(0, overlaps);
        Assert.Equal(instances / 3, await CountAsync(one, "SELECT count(*) FROM instances WHERE status = 5"));

        async Task SendAsync(int client)
        {
            TestEngine engine = client % 2 == 0 ? one : two;
            foreach (int i in Enumerable.Range(0, instances).Where(i => (client - i % Clients + Clients) % Clients < SendersOfEach))
            {
                bool first = i % Clients == client;
                for (int n = 0; n < EventsOfEach; n++)
                {
                    if (first && n % 2 == 0)
                    {
                        await TellAsync(engine, i, client, EventKind.ExecutionSuspended, n);
                    }

                    SendOutcome sent = await engine.RaiseAsync(Id(i), "item", $"{client}:{n}");
                    Note(i, client, EventKind.EventRaised, n, sent);
                    if (first && n % 2 == 1)
                    {
                        await TellAsync(engine, i, client, EventKind.ExecutionResumed, n);
                    }
                }

                if (first && i % 3 == 2)
                {
                    Assert.Equal(SendResult.Accepted, (await engine.TellAsync(Id(i), EventKind.ExecutionTerminated, "enough")).Result);
                }
            }
        }

        // A resume is refused until the suspension before it has taken effect.
        async Task TellAsync(TestEngine engine, int i, int client, EventKind kind, int n)
        {
            SendOutcome sent = default;
            await Eventually.HoldsAsync(
                async () => (sent = await engine.TellAsync(Id(i), kind)).Result != SendResult.WrongState,
                seconds: 30
            );
            Note(i, client, kind, n, sent);
        }

        void Note(int i, int client, EventKind kind, int n, SendOutcome sent)
        {
            if (sent.Result == SendResult.Accepted)
            {
                accepted.Enqueue((Id(i), kind, client, n));
            }
        }
    }

    [Fact]
    public async Task A_turn_whose_messages_are_gone_is_not_stored_and_is_built_again()
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        bool moved = false;
        await using TestEngine engine = await TestEngine.StartAsync(App(), database);
        string id = await engine.ScheduleAsync("Gather");
        await engine.Hub.WaitAsync(id, completion: false, payloads: false);

        // Between the reading of a message and the commit of its turn, the message's row is taken and another, the same in content, is put.
        engine.Database.Probe = point =>
        {
            if (point is { Operation: "commit", After: false } && !moved)
            {
                moved = true;
                using NpgsqlConnection connection = new(database + ";Search Path=testhub");
                connection.Open();
                using NpgsqlCommand move = new(
                    """
                    WITH taken AS (DELETE FROM inbox RETURNING instance_id, kind, task_id, name, data)
                    INSERT INTO inbox (instance_id, kind, task_id, name, data) SELECT * FROM taken
                    """,
                    connection
                );
                Assert.Equal(1, move.ExecuteNonQuery());
            }
        };
        await engine.RaiseAsync(id, "item", "a");
        await Eventually.HoldsAsync(async () => await CountAsync(engine, "SELECT count(*) FROM inbox") == 0);
        await engine.RaiseAsync(id, "item", "end");

        Assert.Equal("[\"a\"]", (await engine.EndAsync(id)).Output);
        Assert.True(moved);
        Assert.Equal(2, (await engine.Hub.ReadHistoryAsync(id)).Count(e => e.Kind == EventKind.EventRaised));
    }

    [Fact]
    public async Task Events_carried_into_the_next_execution_come_before_those_that_arrived_meanwhile()
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        TestEngine? engine = null;
        int sent = 0;
        ScenarioRuntime app = App()
            .Orchestrator(
                "Once",
                async context =>
                {
                    if (context.GetInput<bool>())
                    {
                        return await context.WaitForExternalEvent<string>("item")
                            + await context.WaitForExternalEvent<string>("item")
                            + await context.WaitForExternalEvent<string>("item");
                    }

                    await context.WaitForExternalEvent<string>("go");
                    if (Interlocked.Increment(ref sent) == 1)
                    {
                        Task.Run(() => engine!.RaiseAsync(context.InstanceId, "item", "c")).GetAwaiter().GetResult(); // arrives while this turn runs
                    }

                    context.ContinueAsNew(true, preserveUnprocessedEvents: true);
                    return string.Empty;
                }
            );
        await using TestEngine started = engine = await TestEngine.StartAsync(app, database);
        string id = await engine.ScheduleAsync("Once", false);
        await engine.RaiseAsync(id, "item", "a");
        await engine.RaiseAsync(id, "item", "b");
        await engine.RaiseAsync(id, "go", null);

        Assert.Equal("\"abc\"", (await engine.EndAsync(id)).Output);
    }

    private static string Id(int i) => FormattableString.Invariant($"gather-{i:D4}");

    private static async Task StoreAsync(TestEngine engine, (string Id, EventKind Kind, int Sender, int N)[] accepted)
    {
        await using NpgsqlCommand command = engine.Database.Source.CreateCommand(
            "CREATE TABLE accepted AS SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::int[]) AS a (instance_id, kind, sender, n)"
        );
        command.Parameters.AddWithValue(accepted.Select(a => a.Id).ToArray());
        command.Parameters.AddWithValue(accepted.Select(a => (int)a.Kind).ToArray());
        command.Parameters.AddWithValue(accepted.Select(a => a.Sender).ToArray());
        command.Parameters.AddWithValue(accepted.Select(a => a.N).ToArray());
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<long> CountAsync(TestEngine engine, string sql)
    {
        await using NpgsqlCommand command = engine.Database.Source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
