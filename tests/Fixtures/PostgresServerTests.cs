using Npgsql;

namespace Durable.Tests.Fixtures;

public sealed class PostgresServerTests
{
    [Fact]
    public async Task Two_callers_get_two_empty_databases_on_one_durable_server()
    {
        string first = await PostgresServer.CreateDatabaseAsync();
        string second = await PostgresServer.CreateDatabaseAsync();

        Assert.NotEqual(new NpgsqlConnectionStringBuilder(first).Database, new NpgsqlConnectionStringBuilder(second).Database);
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(first);
        await using NpgsqlCommand command = source.CreateCommand("SHOW fsync");
        Assert.Equal("on", await command.ExecuteScalarAsync());
    }
}
