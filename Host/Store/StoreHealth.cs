using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>Whether the hub's database is available to this process's operations. Logs one line per outage (and per new reason), one when
/// it ends.</summary>
internal sealed partial class StoreHealth(ILogger<StoreHealth> logger)
{
    private readonly Lock gate = new();
    private readonly HashSet<string> told = [];
    private string? reason;
    private long since;

    /// <summary>Why the database is unavailable, with the remedy; null while it is available.</summary>
    public string? Reason
    {
        get
        {
            lock (gate)
            {
                return reason;
            }
        }
    }

    /// <summary>An operation found the database unavailable.</summary>
    public void Failed(Exception exception)
    {
        string now = StoreFaults.Explain(exception);
        lock (gate)
        {
            if (reason is null)
            {
                since = Stopwatch.GetTimestamp();
            }

            reason = now;
            if (!told.Add(exception is PostgresException { SqlState: var state } ? state : "unreachable"))
            {
                return;
            }
        }

        Log.Away(logger, now);
    }

    /// <summary>A write was committed. Reads prove nothing: a read-only server answers them.</summary>
    public void Served()
    {
        TimeSpan lasted;
        lock (gate)
        {
            if (reason is null)
            {
                return;
            }

            reason = null;
            told.Clear();
            lasted = Stopwatch.GetElapsedTime(since);
        }

        Log.Back(logger, lasted.TotalSeconds);
    }

    private static partial class Log
    {
        [LoggerMessage(25, LogLevel.Warning, "The task hub's database is unavailable. {Reason}")]
        public static partial void Away(ILogger logger, string reason);

        [LoggerMessage(26, LogLevel.Information, "The task hub's database is available again after {Seconds:F1} s")]
        public static partial void Back(ILogger logger, double seconds);
    }
}
