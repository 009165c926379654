using Durable.Host.History;
using Durable.Host.Store;
using Durable.Host.Timers;
using Durable.Postgres;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Store;

/// <summary>On a hub of 100,000 ended instances the engine, the lists and retention read what they need and no more.</summary>
public sealed class FullHubTests(FullHubTests.FullHub hub) : IClassFixture<FullHubTests.FullHub>
{
    /// <summary>Enough that the planner would go over to a plan for all values, were it to think that cheaper.</summary>
    private const int Times = 7;

    /// <summary>A list looks at the sizes of its page first, and then reads it.</summary>
    private const int TwoPages = 260;

    [Fact]
    public Task Looking_for_work_where_there_is_none_reads_nothing() =>
        ReadsAtMostAsync(10, async (database, _) => await new WorkSource(database).ClaimInstancesAsync(1, 256, CancellationToken.None));

    [Fact]
    public Task Looking_for_activities_reads_none_that_others_hold() =>
        ReadsAtMostAsync(10, async (database, _) => await new WorkSource(database).ClaimActivitiesAsync(1, 64, CancellationToken.None));

    [Fact]
    public Task Reading_mail_reads_what_this_host_holds() =>
        ReadsAtMostAsync(100, async (database, _) => await new WorkSource(database).ReadMailAsync(1, ["held-1"], CancellationToken.None));

    [Fact]
    public Task Reading_mail_reads_none_of_thousands_held_that_have_none() =>
        ReadsAtMostAsync(
            10,
            async (database, _) => Assert.Empty(await new WorkSource(database).ReadMailAsync(3, [], CancellationToken.None))
        );

    [Fact]
    public Task Loading_an_instance_reads_its_own_history() =>
        ReadsAtMostAsync(10, async (database, _) => await new WorkSource(database).LoadAsync(1, ["held-1"], CancellationToken.None));

    [Fact]
    public Task One_instance_is_found_by_its_id() =>
        ReadsAtMostAsync(
            10,
            async (_, tasks) =>
            {
                await tasks.GetAsync("run-00777", payloads: true);
                await tasks.ReadHistoryAsync("run-00777");
                await tasks.SendAsync("nobody", new HistoryEvent(EventKind.EventRaised, -1, default, "x", "1"));
            }
        );

    [Theory]
    [
        InlineData(OrchestrationRuntimeStatus.Running, 50),
        InlineData(OrchestrationRuntimeStatus.Failed, 100),
        InlineData(OrchestrationRuntimeStatus.Completed, 100)
    ]
    public Task A_list_by_status_reads_its_page(OrchestrationRuntimeStatus status, int found) =>
        ReadsAtMostAsync(
            TwoPages,
            async (_, tasks) => Assert.Equal(found, (await tasks.ListAsync(new InstanceQuery(Statuses: [status]))).Instances.Count)
        );

    [Fact]
    public Task A_page_in_the_middle_reads_its_page() =>
        ReadsAtMostAsync(
            TwoPages,
            async (_, tasks) => Assert.Equal(100, (await tasks.ListAsync(new InstanceQuery(After: "run-05"))).Instances.Count)
        );

    [Fact]
    public Task A_list_by_prefix_reads_what_begins_with_it() =>
        ReadsAtMostAsync(
            TwoPages,
            async (_, tasks) => Assert.Equal(10, (await tasks.ListAsync(new InstanceQuery(InstanceIdPrefix: "run-0042"))).Instances.Count)
        );

    [Fact]
    public Task A_list_by_time_reads_that_time() =>
        ReadsAtMostAsync(
            TwoPages,
            async (_, tasks) =>
                Assert.Equal(
                    60,
                    (await tasks.ListAsync(new InstanceQuery(CreatedFrom: FullHub.Newest.AddMinutes(-59), PageSize: 200))).Instances.Count(
                        i => i.Status != OrchestrationRuntimeStatus.Running
                    )
                )
        );

    [Fact]
    public Task Pages_newest_first_read_their_pages() =>
        ReadsAtMostAsync(
            2 * TwoPages,
            async (_, tasks) =>
            {
                InstancePage first = await tasks.ListAsync(new InstanceQuery(InstanceIdPrefix: "run-", NewestFirst: true));
                InstancePage second = await tasks.ListAsync(
                    new InstanceQuery(InstanceIdPrefix: "run-", NewestFirst: true, After: first.Next)
                );

                Assert.Equal(
                    Enumerable.Range(0, 200).Select(n => FormattableString.Invariant($"run-{n:D5}")),
                    [.. from i in first.Instances.Concat(second.Instances) select i.InstanceId]
                );
                Assert.NotNull(second.Next);
            }
        );

    [Fact]
    public async Task The_last_page_newest_first_ends_the_list()
    {
        await using HubDatabase database = new(hub.Connection, "FullHub");
        InstancePage held = await new PostgresTaskHub(database, new InstanceSignals(), new HubSettings { HubName = "FullHub" }).ListAsync(
            new InstanceQuery(InstanceIdPrefix: "held-", NewestFirst: true, PageSize: 50)
        );

        Assert.Equal((50, "held-9", null), (held.Instances.Count, held.Instances[0].InstanceId, held.Next)); // all created at once: by id, backwards
    }

    [Fact]
    public Task Retention_that_finds_nothing_old_reads_nothing() =>
        ReadsAtMostAsync(
            10,
            async (_, tasks) => Assert.Equal(0, await tasks.PurgeOldAsync(TimeSpan.FromDays(3000), CancellationToken.None))
        );

    /// <summary>A timer is one row by its name, however many functions have come and gone.</summary>
    [Fact]
    public Task A_timer_reads_its_own_row() =>
        ReadsAtMostAsync(
            10,
            async (database, _) =>
            {
                TimerStore timers = new(database.Source, database.Schema);
                Guid host = Guid.NewGuid();
                Assert.NotNull(await timers.ReadAsync("Timer777", CancellationToken.None));
                TimerRow? fired = await timers.ClaimNowAsync("Timer777", host, TimeSpan.FromMinutes(1), CancellationToken.None);
                Assert.NotNull(fired);
                Assert.True(await timers.RenewAsync("Timer777", host, TimeSpan.FromMinutes(1), CancellationToken.None));
                Assert.True(await timers.CompleteAsync("Timer777", host, CancellationToken.None));
            }
        );

    private async Task ReadsAtMostAsync(int rows, Func<HubDatabase, PostgresTaskHub, Task> work)
    {
        long read = await RowsRead.ByAsync(
            hub.Connection,
            "fullhub",
            async () =>
            {
                await using HubDatabase database = new(hub.Connection, "FullHub");
                for (int time = 0; time < Times; time++)
                {
                    await work(database, new PostgresTaskHub(database, new InstanceSignals(), new HubSettings { HubName = "FullHub" }));
                }
            }
        );
        Assert.InRange(read / Times, 0, rows);
    }

    /// <summary>100,000 instances that completed, one a minute, every hundredth failed; 50 that host 1 holds; activities of host 2; 4,000
    /// suspended that host 3 holds.</summary>
    public sealed class FullHub : IAsyncLifetime
    {
        public static readonly DateTimeOffset Newest = new(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);

        internal string Connection { get; private set; } = string.Empty;

        public async Task InitializeAsync()
        {
            Connection = await PostgresServer.CreateDatabaseAsync();
            await using HubDatabase database = new(Connection, "FullHub");
            await SchemaSteps.ApplyAsync(
                database.Source,
                [
                    new SchemaComponent("engine", database.Schema, typeof(HubDatabase).Assembly, "Durable.Host.Store.Sql."),
                    new SchemaComponent("timers", database.Schema, typeof(HubDatabase).Assembly, "Durable.Host.Timers.Sql."),
                ]
            );
            await using NpgsqlCommand fill = database.Source.CreateCommand(
                $"""
                INSERT INTO instances (instance_id, run_no, execution_id, name, status, sent, handled, history_length, created_at,
                    completed_at)
                SELECT format('run-%s', lpad(n::text, 5, '0')), n, gen_random_uuid(), 'Full', CASE WHEN n % 100 = 0 THEN 3
                    ELSE 1 END, 1, 1, 1, at, at
                FROM generate_series(0, 99999) n CROSS JOIN LATERAL (SELECT timestamptz '{Newest:O}' - n * interval '1 minute' AS at) t;
                INSERT INTO instances (instance_id, run_no, execution_id, name, status, sent, handled, history_length, owner, created_at)
                SELECT format('held-%s', n), 200000 + n, gen_random_uuid(), 'Full', 0, 1, 1, 1, 1, '{Newest:O}'
                FROM generate_series(1, 50) n;
                INSERT INTO instances (instance_id, run_no, execution_id, name, status, sent, handled, history_length, owner, created_at)
                SELECT format('suspended-%s', n), 400000 + n, gen_random_uuid(), 'Full', 7, 1, 1, 1, 3, '2020-01-01'
                FROM generate_series(1, 4000) n;
                INSERT INTO history (run_no, sequence, kind, task_id, at) SELECT run_no, 0, 0, -1, created_at FROM instances;
                INSERT INTO timers (function_name, schedule, time_zone, next_at, last_updated)
                SELECT format('Timer%s', n), '0 0 6 * * *', 'UTC', now() + interval '1 day', now() FROM generate_series(1, 10000) n;
                INSERT INTO activities (run_no, task_id, instance_id, name, owner) SELECT 300000, n, 'held-1', 'Full', 2
                FROM generate_series(1, 20000) n;
                ANALYZE
                """
            );
            fill.CommandTimeout = 120;
            await fill.ExecuteNonQueryAsync();
        }

        public Task DisposeAsync() => Task.CompletedTask;
    }
}
