using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>This process's lease in the hub: registers and renews it, detects dead hosts and frees their work.</summary>
/// <remarks>A host is dead when its lease has expired on the database clock. A killed process is detected at once: the connection with its
/// advisory lock is gone although the server has been up for a while. A live host that loses its lease is safe: the fence refuses its
/// writes.</remarks>
internal sealed partial class HostLease(HubDatabase database, HubClock clock, HubSettings settings, ILogger<HostLease> logger)
    : IAsyncDisposable
{
    private readonly Lock gate = new();
    private CancellationTokenSource lost = new();
    private NpgsqlConnection? listener;
    private long renewedAt;
    private long joined;

    /// <summary>This host's number; a lost lease brings a new one.</summary>
    public long HostNo { get; private set; }

    /// <summary>Cancelled when the lease is lost; work of the old number must stop.</summary>
    public CancellationToken Lost
    {
        get
        {
            lock (gate)
            {
                return lost.Token;
            }
        }
    }

    /// <summary>Whether the lease holds by this process's monotonic clock. In an outage of the store it turns false before other hosts take
    /// over.</summary>
    public bool Holds => HostNo != 0 && Stopwatch.GetElapsedTime(Interlocked.Read(ref renewedAt)) < settings.LeaseTime;

    /// <summary>Set by other hosts and by clients in other processes.</summary>
    public event Action? Notified;

    /// <summary>Registers under a new number and frees the instances of dead hosts in the same step.</summary>
    public async Task RegisterAsync(CancellationToken cancellation)
    {
        await CloseListenerAsync();
        NpgsqlConnection connection = new(database.ListenConnectionString);
        try
        {
            await connection.OpenAsync(cancellation);
            long started = Stopwatch.GetTimestamp();
            await using NpgsqlCommand insert = new(
                "INSERT INTO hosts (name, leased_until) VALUES ($1, clock_timestamp() + $2) RETURNING host_no",
                connection
            )
            {
                Parameters =
                {
                    new NpgsqlParameter<string> { TypedValue = $"{Environment.MachineName}:{Environment.ProcessId}" },
                    new NpgsqlParameter<TimeSpan> { TypedValue = settings.LeaseTime },
                },
            };
            long number = (long)(await insert.ExecuteScalarAsync(cancellation))!;
            await using NpgsqlCommand hold = new(
                $"SELECT pg_advisory_lock({HubKey} # $1); LISTEN {database.Channel}".Replace(
                    "$1",
                    number.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    StringComparison.Ordinal
                ),
                connection
            );
            await hold.ExecuteNonQueryAsync(cancellation);
            connection.Notification += (_, told) =>
            {
                if (told.Payload != database.Sender)
                {
                    Notified?.Invoke();
                }
            };
            listener = connection;
            lock (gate)
            {
                lost = new CancellationTokenSource();
                HostNo = joined = number;
            }

            Interlocked.Exchange(ref renewedAt, started);
            Log.Registered(logger, number, database.Schema);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Listens for notifications until cancelled; throws when the connection breaks.</summary>
    public async Task ListenAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            await listener!.WaitAsync(cancellation);
        }
    }

    /// <summary>Renews the lease and reads the database clock.</summary>
    /// <returns>False when the lease is lost: another host has deleted the row.</returns>
    public async Task<bool> RenewAsync(CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        DateTime? now = await database.RunAsync(
            "renew lease",
            async connection =>
            {
                await using NpgsqlCommand command = new(
                    "UPDATE hosts SET leased_until = clock_timestamp() + $2 WHERE host_no = $1 RETURNING clock_timestamp()",
                    connection
                )
                {
                    Parameters =
                    {
                        new NpgsqlParameter<long> { TypedValue = HostNo },
                        new NpgsqlParameter<TimeSpan> { TypedValue = settings.LeaseTime },
                    },
                };
                return await command.ExecuteScalarAsync(cancellation) as DateTime?;
            },
            cancellation
        );
        if (now is null)
        {
            Lose();
            return false;
        }

        clock.Set(now.Value);
        Interlocked.Exchange(ref renewedAt, started);
        return true;
    }

    /// <summary>Frees the work of dead hosts for the next claim.</summary>
    /// <returns>Instances and activities freed.</returns>
    public Task<int> FreeTheDeadAsync(CancellationToken cancellation) =>
        database.RunAsync(
            "free the dead",
            async connection =>
            {
                await using NpgsqlCommand free = new($"SELECT dead, freed FROM free_the_dead($1, {HubKey})", connection)
                {
                    Parameters = { new NpgsqlParameter<long> { TypedValue = HostNo } },
                };
                await using NpgsqlDataReader reader = await free.ExecuteReaderAsync(cancellation);
                await reader.ReadAsync(cancellation);
                if (reader.IsDBNull(0))
                {
                    return 0;
                }

                int freed = (int)reader.GetInt64(1);
                Log.Freed(logger, string.Join(", ", reader.GetFieldValue<long[]>(0)), freed);
                Telemetry.DurableTelemetry.LeasesRecovered(freed);
                return freed;
            },
            cancellation
        );

    /// <summary>Releases everything and deregisters. Does nothing for a host that never joined.</summary>
    public async Task LeaveAsync(CancellationToken cancellation)
    {
        if (joined == 0)
        {
            return;
        }

        long number = joined;
        Lose();
        await database.RunAsync(
            "leave",
            async connection =>
            {
                await using NpgsqlBatch batch = new(connection)
                {
                    BatchCommands =
                    {
                        // First: a claim in progress holds a shared lock on this row, and would own its rows forever if it committed after
                        // the updates.
                        Free("SELECT 1 FROM hosts WHERE host_no = ANY($1) FOR UPDATE", [number]),
                        Free("UPDATE instances SET owner = NULL, lease_epoch = lease_epoch + 1 WHERE owner = ANY($1)", [number]),
                        Free("UPDATE activities SET owner = NULL WHERE owner = ANY($1)", [number]),
                        Free("DELETE FROM hosts WHERE host_no = ANY($1)", [number]),
                        new NpgsqlBatchCommand($"SELECT pg_notify('{database.Channel}', '')"),
                    },
                };
                return await batch.ExecuteNonQueryAsync(cancellation);
            },
            cancellation
        );
        joined = 0;
        await CloseListenerAsync();
    }

    /// <summary>Ends this round: work under the number stops, and the host rejoins.</summary>
    public void Suspect()
    {
        lock (gate)
        {
            lost.Cancel();
        }
    }

    /// <summary>Declares the lease lost.</summary>
    public void Lose()
    {
        lock (gate)
        {
            HostNo = 0;
            lost.Cancel();
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync() => await CloseListenerAsync();

    // Hubs in one database must not share lock numbers.
    private string HubKey => $"hashtextextended('durable:{database.Schema}', 0)";

    private static NpgsqlBatchCommand Free(string sql, List<long> numbers) =>
        new(sql) { Parameters = { new NpgsqlParameter<long[]> { TypedValue = [.. numbers] } } };

    private async Task CloseListenerAsync()
    {
        if (Interlocked.Exchange(ref listener, null) is { } open)
        {
            await open.DisposeAsync();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(10, LogLevel.Information, "Host {HostNo} joined task hub {Hub}")]
        public static partial void Registered(ILogger logger, long hostNo, string hub);

        [LoggerMessage(11, LogLevel.Warning, "Host(s) {Dead} are dead; {Rows} of their instances and activities are free again")]
        public static partial void Freed(ILogger logger, string dead, int rows);
    }
}
