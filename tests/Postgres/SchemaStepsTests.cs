using Durable.Host.Timers;
using Durable.Operations.Schema;
using Durable.Postgres;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Postgres;

public sealed class SchemaStepsTests
{
    [Fact]
    public async Task Ten_hosts_at_once_apply_each_step_once()
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());

        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => SchemaSteps.ApplyAsync(database, [Timers("myhub")])));

        Assert.Equal((long)Timers("myhub").Published().Count, await ScalarAsync(database, "SELECT count(*) FROM myhub.schema_steps"));
        Assert.Equal("timers", await ScalarAsync(database, "SELECT relname::text FROM pg_class WHERE oid = 'myhub.timers'::regclass"));
    }

    [Fact]
    public async Task A_step_that_changed_after_it_was_applied_is_refused()
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await SchemaSteps.ApplyAsync(database, [Timers("myhub")]);
        await ScalarAsync(database, "UPDATE myhub.schema_steps SET sha256 = 'other'");

        SchemaStepChangedException error = await Assert.ThrowsAsync<SchemaStepChangedException>(() =>
            SchemaSteps.ApplyAsync(database, [Timers("myhub")])
        );

        Assert.Contains("timers/001_timers was applied to schema 'myhub' with other content", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_schema_of_a_newer_host_is_left_alone()
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await SchemaSteps.ApplyAsync(database, [Timers("myhub")]);
        await ScalarAsync(database, "INSERT INTO myhub.schema_steps VALUES ('timers', '999_future', 'x')");

        await Assert.ThrowsAsync<SchemaStepUnknownException>(() => SchemaSteps.ApplyAsync(database, [Timers("myhub")]));
    }

    [Theory, InlineData("MyHub"), InlineData("1hub"), InlineData("a\"; DROP SCHEMA public; --"), InlineData("")]
    public async Task A_name_that_is_no_plain_schema_name_is_refused_before_any_statement(string schema)
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1");

        await Assert.ThrowsAsync<ArgumentException>(() => SchemaSteps.ApplyAsync(database, [Timers(schema)]));
    }

    [Fact]
    public async Task Steps_that_an_older_app_recorded_in_one_column_are_not_applied_again()
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateDatabaseAsync());
        await AppSchema.ApplyAsync(database);
        await ScalarAsync(
            database,
            """
            ALTER TABLE operations.schema_steps DROP CONSTRAINT schema_steps_pkey;
            UPDATE operations.schema_steps SET step = initcap(component) || '/' || step;
            ALTER TABLE operations.schema_steps DROP COLUMN component, ADD PRIMARY KEY (step);
            """
        );
        object? before = await ScalarAsync(database, "SELECT count(*) FROM operations.schema_steps");

        await AppSchema.ApplyAsync(database);

        Assert.Equal(before, await ScalarAsync(database, "SELECT count(*) FROM operations.schema_steps"));
    }

    private static SchemaComponent Timers(string schema) =>
        new("timers", schema, typeof(TimerStore).Assembly, typeof(TimerStore).Namespace + ".Sql.");

    private static async Task<object?> ScalarAsync(NpgsqlDataSource database, string sql)
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}
