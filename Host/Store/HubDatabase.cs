using System.Diagnostics;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>The hub's PostgreSQL: a pool whose search_path is the hub's schema. Every operation of the engine goes through it.</summary>
internal sealed class HubDatabase : IAsyncDisposable
{
    private long cleared;

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

            // Nothing on these connections outlives its transaction (no SET, no LISTEN, no session lock), and the reset costs a tenth of a
            // short turn.
            NoResetOnClose = true,
        };
        if (settings.Options?.Contains("random_page_cost", StringComparison.Ordinal) != true)
        {
            // The hub's tables are read by key and lie in memory. With PostgreSQL's default, made for spinning disks, the planner reads all
            // of instances to update sixty of them.
            settings.Options = $"{settings.Options} -c random_page_cost=1.1".TrimStart();
        }

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

    /// <summary>Notification channel that wakes hosts.</summary>
    public string Channel => $"durable_{Schema}";

    /// <summary>Identifies this process in notifications, so that it ignores its own.</summary>
    public string Sender { get; } = Guid.NewGuid().ToString("N");

    /// <summary>The pool.</summary>
    public NpgsqlDataSource Source { get; }

    /// <summary>Opens the one long-lived connection that listens and holds the host's advisory lock.</summary>
    public string ListenConnectionString { get; }

    /// <summary>Learns of every failed operation and every committed write.</summary>
    public StoreHealth? Health { get; init; }

    /// <summary>Called before and after every operation; tests throw from it to simulate a failing store.</summary>
    public Action<StorePoint>? Probe { get; set; }

    /// <summary>Runs one operation on its own connection.</summary>
    public async Task<T> RunAsync<T>(string operation, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellation)
    {
        T result;
        for (bool fresh = false; ; fresh = true)
        {
            try
            {
                Probe?.Invoke(new StorePoint(operation, After: false));
                await using NpgsqlConnection connection = await Source.OpenConnectionAsync(cancellation);
                result = await work(connection);
                break;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction && !fresh)
            {
                // Nothing was done. The server may be writable again while this older connection is still read-only.
                Source.Clear();
            }
            catch (Exception e) when (StoreFaults.Waits(e))
            {
                NoteFailure(e);
                throw;
            }
        }

        if (operation is "renew lease" or "commit")
        {
            Health?.Served();
        }

        Probe?.Invoke(new StorePoint(operation, After: true));
        return result;
    }

    /// <summary>Records the outage, and reopens connections that may carry its cause.</summary>
    public void NoteFailure(Exception exception)
    {
        // Deadlock victims and refusing fences are normal.
        if (
            exception is PostgresException
            {
                SqlState: TurnRefusal.SqlState or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure
            }
        )
        {
            return;
        }

        Health?.Failed(exception);
        long before = Interlocked.Read(ref cleared);
        if (
            StoreFaults.SticksToConnections(exception)
            && Stopwatch.GetElapsedTime(before) > TimeSpan.FromSeconds(1)
            && Interlocked.CompareExchange(ref cleared, Stopwatch.GetTimestamp(), before) == before
        )
        {
            Source.Clear();
        }
    }

    /// <inheritdoc cref="StoreFaults.Waits"/>
    public static bool IsTransient(Exception exception) => StoreFaults.Waits(exception);

    /// <inheritdoc cref="StoreFaults.Explain"/>
    public static string Explain(Exception exception) => StoreFaults.Explain(exception);

    /// <inheritdoc />
    public ValueTask DisposeAsync() => Source.DisposeAsync();
}

/// <summary>A place in an operation: before it, or after it was committed.</summary>
internal readonly record struct StorePoint(string Operation, bool After);
