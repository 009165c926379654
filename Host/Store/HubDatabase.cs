using System.Net.Sockets;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>The hub's PostgreSQL: a pool whose search_path is the hub's schema, and the one place every operation of the engine goes through.</summary>
internal sealed class HubDatabase : IAsyncDisposable
{
    /// <summary>A database for hub <paramref name="hubName"/>; connects lazily.</summary>
    /// <param name="connectionString">Npgsql connection string.</param>
    /// <param name="hubName">Task hub; its lower-case form is the schema.</param>
    public HubDatabase(string connectionString, string hubName)
    {
        Schema = hubName.ToLowerInvariant();
        NpgsqlConnectionStringBuilder settings = new(connectionString)
        {
            SearchPath = Schema,
            ApplicationName = $"durable-{Schema}",
            MaxAutoPrepare = 64,
            AutoPrepareMinUsages = 2,
            Enlist = false,
        };
        if (settings.MaxPoolSize == 100)
        {
            settings.MaxPoolSize = 24;
        }

        Source = NpgsqlDataSource.Create(settings);
        settings.Pooling = false;
        settings.KeepAlive = 10;
        ListenConnectionString = settings.ConnectionString;
    }

    /// <summary>Schema of the hub.</summary>
    public string Schema { get; }

    /// <summary>Channel hosts are woken on.</summary>
    public string Channel => $"durable_{Schema}";

    /// <summary>Names this process in its notifications; it has woken itself already and ignores them.</summary>
    public string Sender { get; } = Guid.NewGuid().ToString("N");

    /// <summary>The pool.</summary>
    public NpgsqlDataSource Source { get; }

    /// <summary>For the one long-lived connection that listens and holds the host's advisory lock.</summary>
    public string ListenConnectionString { get; }

    /// <summary>Called before and after every operation; tests throw from it to stand for a store that fails there.</summary>
    public Action<StorePoint>? Probe { get; set; }

    /// <summary>Runs one operation on a connection of its own.</summary>
    public async Task<T> RunAsync<T>(string operation, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellation)
    {
        Probe?.Invoke(new StorePoint(operation, After: false));
        T result;
        await using (NpgsqlConnection connection = await Source.OpenConnectionAsync(cancellation))
        {
            result = await work(connection);
        }

        Probe?.Invoke(new StorePoint(operation, After: true));
        return result;
    }

    /// <summary>Whether trying again may help: the server is away, overloaded, full, or chose this transaction as a deadlock's victim.</summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        PostgresException postgres => postgres.SqlState[..2] is "08" or "40" or "53" or "55" or "57" or "58" || postgres.IsTransient,
        NpgsqlException or SocketException or IOException or TimeoutException => true,
        _ => false,
    };

    /// <summary>What an operator should know and do about a failing store; no values, no statement.</summary>
    public static string Explain(Exception exception) => exception switch
    {
        PostgresException { SqlState: "53100" } => "PostgreSQL's disk is full: free space; nothing is lost, the host goes on by itself.",
        PostgresException { SqlState: "53300" } => "PostgreSQL has no free connection: raise max_connections or lower Maximum Pool Size; the host keeps trying.",
        PostgresException { SqlState: "28P01" or "28000" } => "PostgreSQL refuses the user or password: correct PostgresConnection.",
        PostgresException { SqlState: "3D000" } => "The database named in PostgresConnection does not exist: create it or correct the setting.",
        PostgresException { SqlState: "42501" } => "The database user may not do this: grant it CREATE on the database, or its schema.",
        PostgresException { SqlState: "57P01" or "57P02" or "57P03" } => "PostgreSQL is shutting down or starting: the host keeps trying.",
        PostgresException postgres => $"PostgreSQL answered {postgres.SqlState}: {postgres.MessageText}",
        _ => $"PostgreSQL cannot be reached ({exception.Message}): check that it runs and that PostgresConnection is right; the host keeps trying.",
    };

    /// <inheritdoc />
    public ValueTask DisposeAsync() => Source.DisposeAsync();
}

/// <summary>A place in an operation: before it, or after it was committed.</summary>
internal readonly record struct StorePoint(string Operation, bool After);
