using Durable.Operations;
using Durable.Tests.Fixtures;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Durable.Tests.Operations;

/// <summary>The app's own pool, which its activities write through, outlives a database that was read-only for a while.</summary>
public sealed class ConnectionLifetimeTests
{
    [Fact]
    public async Task Connections_opened_while_the_database_was_read_only_are_gone_within_10_seconds_however_busy_they_are()
    {
        string connection = await PostgresServer.CreateDatabaseAsync();
        await using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<IConfiguration>(
                new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("PostgresConnection", (string?)connection)]).Build()
            )
            .AddOperations()
            .BuildServiceProvider();
        NpgsqlDataSource database = services.GetRequiredService<NpgsqlDataSource>();

        await SetAsync(connection, "SET default_transaction_read_only = on");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => ReadAsync()));
        await SetAsync(connection, "RESET default_transaction_read_only");
        Assert.Equal(PostgresErrorCodes.ReadOnlySqlTransaction, await WriteAsync());

        await Eventually.HoldsAsync(
            async () => (await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => WriteAsync()))).All(error => error is null),
            "the pool goes on with read-only connections",
            10
        );

        async Task ReadAsync()
        {
            await using NpgsqlCommand command = database.CreateCommand("SELECT pg_sleep(0.2)"); // so that each has a connection of its own
            await command.ExecuteNonQueryAsync();
        }

        async Task<string?> WriteAsync()
        {
            try
            {
                await using NpgsqlCommand command = database.CreateCommand("CREATE TABLE IF NOT EXISTS written (at timestamptz)");
                await command.ExecuteNonQueryAsync();
                return null;
            }
            catch (PostgresException error) when (error.SqlState != PostgresErrorCodes.UniqueViolation) // two who create it at once
            {
                return error.SqlState;
            }
            catch (PostgresException)
            {
                return null;
            }
        }
    }

    private static async Task SetAsync(string connection, string setting)
    {
        await using NpgsqlConnection server = new(
            new NpgsqlConnectionStringBuilder(connection)
            {
                Pooling = false,
                Options = "-c default_transaction_read_only=off",
            }.ConnectionString
        );
        await server.OpenAsync();
        await using NpgsqlCommand command = new($"ALTER DATABASE \"{server.Database}\" {setting}", server);
        await command.ExecuteNonQueryAsync();
    }
}
