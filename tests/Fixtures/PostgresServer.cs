using Durable.Operations.Schema;
using Npgsql;

namespace Durable.Tests.Fixtures;

/// <summary>
/// One real PostgreSQL server per test run: started on first use, on a free port of 127.0.0.1, with <c>fsync</c> on, and stopped with the
/// test process (even when that is killed: the server hangs on a pipe that closes with it). Each caller gets a database of its own.
/// </summary>
/// <remarks>
/// <c>DURABLE_TEST_POSTGRES</c> = connection string of a running server (a role that may create databases) is used instead when set.
/// Otherwise the newest <c>/usr/lib/postgresql/*/bin</c> is started, as user <c>postgres</c> when the tests run as root, which it refuses.
/// </remarks>
public static class PostgresServer
{
    private static readonly Lazy<Task<string>> Server = new(StartAsync);

    private static readonly Lazy<Task<string>> AppTemplate = new(CreateAppTemplateAsync);

    /// <summary>Creates an empty database and returns its connection string. Safe to call in parallel.</summary>
    /// <exception cref="InvalidOperationException">No server binaries, or the server did not start; the message holds its log.</exception>
    public static Task<string> CreateDatabaseAsync() => CreateDatabaseAsync("template0");

    /// <summary>Creates a database with the app's tables, all empty, and returns its connection string: a copy, much faster than the
    /// schema's steps. Safe to call in parallel.</summary>
    /// <inheritdoc cref="CreateDatabaseAsync()" path="/exception"/>
    public static async Task<string> CreateAppDatabaseAsync() => await CreateDatabaseAsync(await AppTemplate.Value);

    /// <summary>A server of the caller's own, which it may break and start again. Dispose it.</summary>
    public static Task<PrivatePostgres> StartPrivateAsync() => PrivatePostgres.StartAsync();

    private static async Task<string> CreateDatabaseAsync(string template)
    {
        string server = await Server.Value;
        string name = "test_" + Guid.NewGuid().ToString("N");
        await using NpgsqlConnection connection = new(server);
        await connection.OpenAsync();
        await using NpgsqlCommand create = new($"CREATE DATABASE {name} TEMPLATE {template}", connection);
        await create.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(server) { Database = name, MaxPoolSize = 40 }.ConnectionString;
    }

    /// <returns>Name of a database that nobody is connected to: no other can be a template.</returns>
    private static async Task<string> CreateAppTemplateAsync()
    {
        NpgsqlConnectionStringBuilder template = new(await CreateDatabaseAsync()) { Pooling = false };
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(template);
        await AppSchema.ApplyAsync(database);
        return template.Database!;
    }

    private static async Task<string> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("DURABLE_TEST_POSTGRES") is { Length: > 0 } running)
            return running;

        PrivatePostgres server = await PrivatePostgres.StartAsync();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Stop();
        return new NpgsqlConnectionStringBuilder(server.ConnectionString) { Pooling = true }.ConnectionString;
    }
}
