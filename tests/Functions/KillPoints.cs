using System.Diagnostics;
using Npgsql;

namespace Durable.Tests.Functions;

/// <summary>
/// Holds a batch still inside the statement that records a step, so that it can be killed there: triggers on the ledger wait for an
/// advisory lock while their point is armed. Points: <c>hazard SSP245/2050 present</c>, <c>run hazard completed</c>, <c>notification
/// completed</c> …
/// </summary>
internal sealed class KillPoints : IAsyncDisposable
{
    private const int Lock = 4711;

    private const string Triggers = """
        CREATE TABLE kill_points (point text PRIMARY KEY);
        CREATE FUNCTION wait_at_kill_point() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE here text;
        BEGIN
            IF TG_TABLE_NAME = 'partitions' THEN here := NEW.kind || ' ' || NEW.key || ' ' || NEW.state;
            ELSIF TG_TABLE_NAME = 'runs' THEN here := 'run ' || NEW.kind || ' ' || NEW.state;
            ELSE here := 'notification ' || NEW.event;
            END IF;
            IF EXISTS (SELECT FROM public.kill_points WHERE point = here) THEN PERFORM pg_advisory_xact_lock(4711); END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER wait_here BEFORE INSERT OR UPDATE ON operations.partitions FOR EACH ROW EXECUTE FUNCTION wait_at_kill_point();
        CREATE TRIGGER wait_here BEFORE INSERT OR UPDATE ON operations.runs FOR EACH ROW EXECUTE FUNCTION wait_at_kill_point();
        CREATE TRIGGER wait_here BEFORE INSERT ON operations.notifications FOR EACH ROW EXECUTE FUNCTION wait_at_kill_point();
        """;

    private readonly string connectionString;
    private NpgsqlConnection holder;

    private KillPoints(string connectionString, NpgsqlConnection holder) =>
        (this.connectionString, this.holder) = (connectionString, holder);

    public static async Task<KillPoints> CreateAsync(string connectionString)
    {
        string own = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString;
        KillPoints points = new(own, await OpenAsync(own));
        await points.ExecuteAsync(Triggers);
        return points;
    }

    /// <summary>From now on the batch stops when it gets to <paramref name="point"/>.</summary>
    public async Task ArmAsync(string point)
    {
        await ExecuteAsync($"SELECT pg_advisory_lock({Lock})");
        await ExecuteAsync($"INSERT INTO kill_points VALUES ('{point}')");
    }

    /// <summary>Waits until the batch stands at the armed point.</summary>
    public async Task ReachedAsync(string point, Func<string> log)
    {
        await using NpgsqlConnection connection = await OpenAsync(connectionString);
        await using NpgsqlCommand waits = new(
            $"SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = {Lock} AND NOT granted)",
            connection
        );
        for (Stopwatch watch = Stopwatch.StartNew(); await waits.ExecuteScalarAsync() is not true; await Task.Delay(5))
        {
            if (watch.Elapsed > TimeSpan.FromSeconds(60))
                throw new TimeoutException($"The batch never came to '{point}'. {log()}");
        }
    }

    /// <summary>Lets whatever is still alive go on; a statement of a killed process may well take effect now, as in life.</summary>
    public async Task DisarmAsync()
    {
        if (holder.State != System.Data.ConnectionState.Open || !await AnswersAsync())
        {
            await holder.DisposeAsync();
            holder = await OpenAsync(connectionString); // the lock went with the server
        }

        await ExecuteAsync("DELETE FROM kill_points");
        await ExecuteAsync("SELECT pg_advisory_unlock_all()");
    }

    public ValueTask DisposeAsync() => holder.DisposeAsync();

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await ExecuteAsync("SELECT 1");
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private async Task ExecuteAsync(string sql)
    {
        await using NpgsqlCommand command = new(sql, holder);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString)
    {
        NpgsqlConnection connection = new(connectionString);
        await connection.OpenAsync();
        return connection;
    }
}
