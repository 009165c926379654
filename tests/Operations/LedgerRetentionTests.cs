using Durable.Operations;
using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Tests.Fixtures;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Durable.Tests.Operations;

/// <summary>A ledger of many years: what is old goes, what runs and what proves a cost stays, and no query reads it all.</summary>
public sealed class LedgerRetentionTests(LedgerRetentionTests.FullLedger ledger) : IClassFixture<LedgerRetentionTests.FullLedger>
{
    [Theory, InlineData(null, 30), InlineData("90.00:00:00", 90), InlineData("0", 0)]
    public void The_app_purges_instances_only_on_a_host_that_does_not(string? setting, int days)
    {
        IServiceCollection services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<IConfiguration>(
                new ConfigurationBuilder()
                    .AddInMemoryCollection(new Dictionary<string, string?> { ["Durable:InstanceRetention"] = setting })
                    .Build()
            )
            .AddOperations();

        Assert.Equal(TimeSpan.Zero, services.BuildServiceProvider().GetRequiredService<RetentionOptions>().Instances);
        Assert.Equal(
            TimeSpan.FromDays(days),
            services.AddInstanceRetention().BuildServiceProvider().GetRequiredService<RetentionOptions>().Instances
        );
    }

    [Fact]
    public async Task Old_runs_plans_and_notifications_go_and_running_ones_and_leases_stay()
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
        await ExecuteAsync(
            database,
            """
            INSERT INTO operations.runs (run_id, instance_id, kind, parameters, code_version, state, started_at, finished_at)
            SELECT 'old-' || n, 'a', 'hazard', '{}'::jsonb, '1', 'completed', now() - interval '401 days', now() - interval '401 days'
            FROM generate_series(1, 1200) n
            UNION ALL SELECT 'new', 'a', 'hazard', '{}'::jsonb, '1', 'failed', now() - interval '401 days', now() - interval '399 days'
            UNION ALL SELECT 'running', 'a', 'hazard', '{}'::jsonb, '1', 'running', now() - interval '500 days', NULL;
            INSERT INTO operations.gates (run_id, gate, subject, measured, passed) SELECT run_id, 'rows', 'x', 1, true FROM operations.runs;
            INSERT INTO operations.plans (hash, kind, plan, created_at)
            VALUES ('old', 'hazard', '{}', now() - interval '401 days'), ('new', 'hazard', '{}', now());
            INSERT INTO operations.notifications (dedupe_key, event, subject, body, created_at)
            VALUES ('old', 'failed', 's', 'b', now() - interval '401 days'), ('new', 'failed', 's', 'b', now());
            INSERT INTO operations.machine_leases (kind, cluster, run_id, lease_id, instance_id, machine_ids, longest_seconds,
                stops_running, state, opened_at, closed_at, closed_by)
            VALUES ('ec2', 'c', 'old-1', 'old-1#c', 'a', '{i-1}', 60, true, 'closed', now() - interval '900 days',
                now() - interval '900 days', 'run')
            """
        );

        RetentionRound kept = await new LedgerRetention(
            database,
            new RetentionOptions { Ledger = TimeSpan.Zero, Notifications = TimeSpan.Zero }
        ).ApplyAsync();
        RetentionRound round = await new LedgerRetention(database, new RetentionOptions()).ApplyAsync();

        Assert.Equal((new RetentionRound(0, 0, 0), new RetentionRound(1200, 1, 1)), (kept, round));
        Assert.Equal("new,running", await TextAsync(database, "SELECT string_agg(run_id, ',' ORDER BY run_id) FROM operations.runs"));
        Assert.Equal("new,running", await TextAsync(database, "SELECT string_agg(run_id, ',' ORDER BY run_id) FROM operations.gates"));
        Assert.Equal(
            "new new 1",
            await TextAsync(
                database,
                "SELECT (SELECT string_agg(hash, ',') FROM operations.plans) || ' ' || (SELECT string_agg(dedupe_key, ',') FROM operations.notifications) || ' ' || (SELECT count(*) FROM operations.machine_leases)"
            )
        );
    }

    [Fact]
    public Task The_newest_runs_are_read_without_the_others() => ReadsAtMostAsync(110, database => new RunReader(database).ReadAsync(null));

    [Fact]
    public Task The_runs_of_one_instance_are_read_without_the_others() =>
        ReadsAtMostAsync(20, database => new RunReader(database).ReadAsync("instance-7"));

    [Theory, InlineData(null), InlineData("hazard"), InlineData("never")]
    public Task The_latest_closed_run_is_read_without_the_others(string? kind) =>
        ReadsAtMostAsync(10, database => new RunLedger(database).ReadLatestAsync(kind));

    [Fact]
    public Task Runs_left_open_are_found_without_the_closed_ones() =>
        ReadsAtMostAsync(10, database => new RunLedger(database).CloseEndedAsync((_, _) => Task.FromResult<string?>(null)));

    [Fact]
    public Task The_reaper_reads_no_lease_that_is_long_closed() =>
        ReadsAtMostAsync(
            10,
            async database =>
            {
                await using NpgsqlConnection connection = await database.OpenConnectionAsync();
                await MachineLeases.OpenLeasesAsync(connection, CancellationToken.None);
                await MachineLeases.UnconfirmedAsync(connection, CancellationToken.None);
                await new LeaseReader(database).ReadAsync(LeaseSelection.Open, null, 50, null);
            }
        );

    [Theory]
    [InlineData(LeaseSelection.Open, null), InlineData(LeaseSelection.Overdue, null), InlineData(LeaseSelection.Closed, null)]
    [InlineData(LeaseSelection.All, null), InlineData(LeaseSelection.All, "c"), InlineData(LeaseSelection.Closed, "c")]
    [InlineData(LeaseSelection.All, "never"), InlineData(LeaseSelection.Open, "never")]
    public Task A_page_of_leases_is_read_without_the_others(LeaseSelection state, string? cluster) =>
        ReadsAtMostAsync(60, database => new LeaseReader(database).ReadAsync(state, cluster, 50, null));

    [Fact]
    public Task A_run_that_could_not_be_finished_is_closed_without_the_others() =>
        ReadsAtMostAsync(10, database => new RunLedger(database).CloseFailedAsync("run-77", "x"));

    [Fact]
    public Task Gates_and_partitions_of_a_run_are_read_without_the_others() =>
        ReadsAtMostAsync(
            10,
            async database =>
            {
                Assert.Single(await new RunReader(database).ReadGatesAsync("run-77"));
                Assert.Single(await new RunReader(database).ReadPartitionsAsync("run-77"));
            }
        );

    [Fact]
    public Task Retention_that_finds_nothing_old_reads_nothing() =>
        ReadsAtMostAsync(
            10,
            database =>
                new LedgerRetention(
                    database,
                    new RetentionOptions { Ledger = TimeSpan.FromDays(3000), Notifications = TimeSpan.FromDays(3000) }
                ).ApplyAsync()
        );

    private async Task ReadsAtMostAsync(int rows, Func<NpgsqlDataSource, Task> work)
    {
        long read = await RowsRead.ByAsync(
            ledger.Connection,
            "operations",
            async () =>
            {
                await using NpgsqlDataSource database = NpgsqlDataSource.Create(ledger.Connection);
                await work(database);
            }
        );
        Assert.InRange(read, 0, rows);
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        command.CommandTimeout = 120;
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<string?> TextAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string;
    }

    /// <summary>50,000 closed runs of 1,000 instances and one that runs; 20,000 closed leases.</summary>
    public sealed class FullLedger : IAsyncLifetime
    {
        internal string Connection { get; private set; } = string.Empty;

        public async Task InitializeAsync()
        {
            Connection = await PostgresServer.CreateAppDatabaseAsync();
            await using NpgsqlDataSource database = NpgsqlDataSource.Create(Connection);
            await ExecuteAsync(
                database,
                """
                INSERT INTO operations.runs (run_id, instance_id, kind, parameters, code_version, state, statistics, started_at,
                    finished_at)
                SELECT format('run-%s', n), format('instance-%s', n % 5000), CASE WHEN n % 2 = 0 THEN 'hazard'
                    ELSE 'pothole' END, '{}'::jsonb, '1', 'completed', 'null'::jsonb, at, at
                FROM generate_series(1, 50000) n CROSS JOIN LATERAL (SELECT now() - n * interval '1 hour' AS at) t
                UNION ALL SELECT 'running', 'instance-1', 'hazard', '{}'::jsonb, '1', 'running', NULL, now() - interval '3000 hours', NULL;
                INSERT INTO operations.machine_leases (kind, cluster, run_id, lease_id, instance_id, machine_ids, longest_seconds,
                    stops_running, state, opened_at, granted_at, deadline, closed_at, closed_by)
                SELECT 'ec2', 'c', format('run-%s', n), format('run-%s#c', n), format('instance-%s', n % 5000), '{i-1}'::text[], 60, true,
                    'closed', at, at, at, at, 'run'
                FROM generate_series(1, 20000) n CROSS JOIN LATERAL (SELECT now() - n * interval '1 day' AS at) t;
                INSERT INTO operations.gates (run_id, gate, subject, measured, passed) SELECT format('run-%s', n), 'rows', 'x', 1, true
                FROM generate_series(1, 20000) n;
                INSERT INTO operations.partitions (kind, key, state, run_id)
                SELECT 'hazard', format('key-%s', n), 'present', format('run-%s', n) FROM generate_series(1, 20000) n;
                INSERT INTO operations.notifications (dedupe_key, event, subject, body, created_at)
                SELECT n::text, 'failed', 's', 'b', now() - n * interval '1 hour' FROM generate_series(1, 20000) n;
                ANALYZE
                """
            );
        }

        public Task DisposeAsync() => Task.CompletedTask;
    }
}
