using Durable.Host.Store;
using Durable.Postgres;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Store;

/// <summary>What ended long ago goes, in batches; what runs stays.</summary>
public sealed class RetentionTests
{
    [Fact]
    public async Task Instances_that_ended_long_ago_go_and_all_others_stay()
    {
        await using HubDatabase database = await HubAsync(
            """
            INSERT INTO instances (instance_id, run_no, execution_id, name, status, history_length, completed_at, parent_id) VALUES
                ('old', 1, gen_random_uuid(), 'A', 1, 2, now() - interval '31 days', NULL),
                ('old-failed', 2, gen_random_uuid(), 'A', 3, 2, now() - interval '400 days', NULL),
                ('new', 3, gen_random_uuid(), 'A', 1, 2, now() - interval '29 days', NULL),
                ('running', 4, gen_random_uuid(), 'A', 0, 2, NULL, NULL),
                ('child-of-running', 5, gen_random_uuid(), 'A', 1, 2, now() - interval '31 days', 'running'),
                ('child-of-old', 6, gen_random_uuid(), 'A', 1, 2, now() - interval '31 days', 'old');
            UPDATE instances SET created_at = now() - interval '500 days';
            INSERT INTO history (run_no, sequence, kind, task_id, at) SELECT run_no, s, 0, -1, now() FROM instances, generate_series(0, 1) s
            """
        );
        PostgresTaskHub hub = Hub(database);

        Assert.Equal(3, await hub.PurgeOldAsync(TimeSpan.FromDays(30), CancellationToken.None));
        Assert.Equal(0, await hub.PurgeOldAsync(TimeSpan.FromDays(30), CancellationToken.None));
        Assert.Equal(
            "child-of-running,new,running",
            await TextAsync(database, "SELECT string_agg(instance_id, ',' ORDER BY instance_id) FROM instances")
        );
        Assert.Equal("3,4,5", await TextAsync(database, "SELECT string_agg(DISTINCT run_no::text, ',') FROM history"));
    }

    [Fact]
    public async Task A_purge_of_many_goes_in_batches_by_instances_and_by_events()
    {
        await using HubDatabase database = await HubAsync(
            """
            INSERT INTO instances (instance_id, run_no, execution_id, name, status, history_length, completed_at)
            SELECT format('small-%s', n), n, gen_random_uuid(), 'A', 1, 1, now() FROM generate_series(1, 450) n
            UNION ALL SELECT format('big-%s', n), 1000 + n, gen_random_uuid(), 'A', 1, 40000, now() FROM generate_series(1, 3) n
            """
        );
        int batches = 0;
        database.Probe = point => batches += point is { Operation: "purge", After: true } ? 1 : 0;

        int purged = await Hub(database).PurgeAsync(new InstanceQuery(Statuses: [OrchestrationRuntimeStatus.Completed]), recursive: false);

        Assert.Equal(453, purged);
        Assert.InRange(batches, 4, 7); // at most 200 instances or some 50,000 events at once, and one look that finds nothing
        Assert.Equal("0", await TextAsync(database, "SELECT count(*)::text FROM instances"));
    }

    private static PostgresTaskHub Hub(HubDatabase database) => new(database, new InstanceSignals(), new HubSettings { HubName = "Kept" });

    private static async Task<HubDatabase> HubAsync(string fill)
    {
        HubDatabase database = new(await PostgresServer.CreateDatabaseAsync(), "Kept");
        await SchemaSteps.ApplyAsync(
            database.Source,
            [new SchemaComponent("engine", database.Schema, typeof(HubDatabase).Assembly, "Durable.Host.Store.Sql.")]
        );
        await using NpgsqlCommand command = database.Source.CreateCommand(fill);
        await command.ExecuteNonQueryAsync();
        return database;
    }

    private static async Task<string?> TextAsync(HubDatabase database, string sql)
    {
        await using NpgsqlCommand command = database.Source.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string;
    }
}
