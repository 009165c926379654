using System.Net.Sockets;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>What a database error means for the operation.</summary>
internal enum StoreFault
{
    /// <summary>Not a database error.</summary>
    None,

    /// <summary>The database cannot do it now: it is down, full, overloaded, read-only, or refuses this user. The work is fine and
    /// waits.</summary>
    Away,

    /// <summary>The database refuses this content for good (a character it cannot store, a value beyond its limits).</summary>
    Refused,

    /// <summary>An unknown error. The work is not to blame until proven: it waits, and other work continues.</summary>
    Unknown,
}

/// <summary>Classifies errors of PostgreSQL and its driver.</summary>
internal static class StoreFaults
{
    /// <summary>What <paramref name="exception"/> means.</summary>
    public static StoreFault Of(Exception exception) =>
        exception switch
        {
            PostgresException postgres => Of(postgres.SqlState),
            NpgsqlException or SocketException or IOException or TimeoutException => StoreFault.Away,
            ArgumentException or OverflowException or InvalidCastException => StoreFault.Refused, // the driver cannot send it
            _ => StoreFault.None,
        };

    /// <summary>Whether the work should wait and be retried.</summary>
    public static bool Waits(Exception exception) => Of(exception) is StoreFault.Away or StoreFault.Unknown;

    /// <summary>Whether pooled connections may carry the cause: they were opened in another server state and may stay in it.</summary>
    public static bool SticksToConnections(Exception exception) =>
        exception is PostgresException { SqlState: "25006" or "42501" or "57P01" or "57P02" or "57P03" or "57P04" };

    /// <summary>What an operator should know and do; no values, no statement.</summary>
    public static string Explain(Exception exception) =>
        exception switch
        {
            PostgresException { SqlState: "25006" } =>
                "PostgreSQL accepts no writes: reset default_transaction_read_only, or point PostgresConnection at the primary; "
                    + "the host then continues.",
            PostgresException { SqlState: "53100" } => "PostgreSQL's disk is full: free space. Nothing is lost; the host then continues.",
            PostgresException { SqlState: "53300" } =>
                "PostgreSQL has no free connection: raise max_connections or lower Maximum Pool Size; the host keeps trying.",
            PostgresException { SqlState: "28P01" or "28000" } =>
                "PostgreSQL refuses the credentials in PostgresConnection: correct them; the host keeps trying.",
            PostgresException { SqlState: "3D000" or "57P04" } =>
                "The database named in PostgresConnection does not exist: create it or correct the setting; the host keeps trying.",
            PostgresException { SqlState: "42501" } =>
                "The database user may not do this: grant it CREATE on the database, and the rights on the hub's schema; "
                    + "the host keeps trying.",
            PostgresException { SqlState: "57P01" or "57P02" or "57P03" } =>
                "PostgreSQL is shutting down or starting: the host keeps trying.",
            PostgresException { SqlState: "58030" or "58000" } =>
                "PostgreSQL cannot read or write its files: look at its disk and its log; the host keeps trying.",
            PostgresException postgres => $"PostgreSQL answered {postgres.SqlState}: {postgres.MessageText}",
            _ => $"PostgreSQL cannot be reached ({exception.Message}): check that it runs and that PostgresConnection is right; "
                + "the host keeps trying.",
        };

    private static StoreFault Of(string state) =>
        state switch
        {
            "25006" or "3D000" or "42501" => StoreFault.Away,
            "23505" => StoreFault.Unknown, // two writers of one row, not the content
            _ => state[..2] switch
            {
                "08" or "28" or "40" or "53" or "55" or "57" or "58" => StoreFault.Away,
                "22" or "23" or "54" => StoreFault.Refused,
                _ => StoreFault.Unknown,
            },
        };
}
