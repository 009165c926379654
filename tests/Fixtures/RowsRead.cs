using Npgsql;

namespace Durable.Tests.Fixtures;

/// <summary>Counts the rows that queries read, by the server's own statistics: what a plan costs on a full table, whatever the plan is
/// called.</summary>
internal static class RowsRead
{
    /// <summary>Rows read from the tables of <paramref name="schema"/>, by scans of a table and through indexes, while
    /// <paramref name="work"/> ran.</summary>
    /// <param name="connection">Connection string; the work must have closed its connections to this database when it returns.</param>
    public static async Task<long> ByAsync(string connection, string schema, Func<Task> work)
    {
        string own = new NpgsqlConnectionStringBuilder(connection) { Pooling = false }.ConnectionString;
        long before = await ReadAsync(own, schema);
        await work();
        return await ReadAsync(own, schema) - before;
    }

    private static async Task<long> ReadAsync(string connection, string schema)
    {
        await using NpgsqlConnection server = new(connection);
        await server.OpenAsync();

        // A server process hands in what it counted when it ends, at the latest.
        await using NpgsqlCommand others = new(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            server
        );
        for (int look = 0; (long)(await others.ExecuteScalarAsync())! > 0; look++)
        {
            Assert.True(look < 500, "Connections stay open, so their reads cannot be counted.");
            await Task.Delay(20);
        }

        await using NpgsqlCommand read = new(
            "SELECT COALESCE(sum(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_user_tables WHERE schemaname = $1",
            server
        );
        read.Parameters.Add(new NpgsqlParameter<string> { TypedValue = schema });
        return (long)(await read.ExecuteScalarAsync())!;
    }
}
