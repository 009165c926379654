using System.Data;
using Durable.Postgres;
using Npgsql;

namespace Durable.Host.Timers;

/// <summary>A timer's row, and the database clock when it was read.</summary>
internal sealed record TimerRow(
    string Schedule,
    string TimeZone,
    DateTimeOffset? LastAt,
    DateTimeOffset? NextAt,
    DateTimeOffset LastUpdated,
    bool Paused,
    DateTimeOffset? FiringAt,
    Guid? FiringBy,
    DateTimeOffset? FiringUntil,
    int Tries,
    DateTimeOffset Now
);

/// <summary>The table <c>timers</c> in the hub's schema. Each decision is one statement on one row, by the database clock.</summary>
/// <param name="database">Data source whose search_path is <paramref name="schema"/>; not disposed here.</param>
/// <param name="schema">The hub's schema.</param>
/// <param name="clock">SQL for the current time; tests replace it.</param>
internal sealed class TimerStore(NpgsqlDataSource database, string schema, string clock = "clock_timestamp()")
{
    private const string Columns =
        "schedule, time_zone, last_at, next_at, last_updated, paused, firing_at, firing_by, firing_until, firing_tries";

    /// <summary>Creates or updates the table.</summary>
    public Task PrepareAsync(CancellationToken cancellation) =>
        SchemaSteps.ApplyAsync(
            database,
            [new SchemaComponent("timers", schema, typeof(TimerStore).Assembly, "Durable.Host.Timers.Sql.")],
            cancellation
        );

    /// <summary>The database clock.</summary>
    public async Task<DateTimeOffset> NowAsync(CancellationToken cancellation)
    {
        await using NpgsqlCommand command = database.CreateCommand($"SELECT {clock}");
        return (DateTime)(await command.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>A timer's row; null when there is none.</summary>
    public Task<TimerRow?> ReadAsync(string function, CancellationToken cancellation) =>
        QueryAsync($"SELECT {Columns}, {clock} FROM timers WHERE function_name = $1", cancellation, function);

    /// <summary>Adds the row unless it exists.</summary>
    public Task AddAsync(string function, TimerSchedule schedule, DateTimeOffset? next, CancellationToken cancellation) =>
        ExecuteAsync(
            $"""
            INSERT INTO timers (function_name, schedule, time_zone, next_at, last_updated) VALUES ($1, $2, $3, $4, {clock})
            ON CONFLICT (function_name) DO NOTHING
            """,
            cancellation,
            function,
            schedule.Text,
            schedule.TimeZone,
            next
        );

    /// <summary>Sets schedule and next occurrence, if next_at is still <paramref name="expected"/>.</summary>
    public Task RescheduleAsync(
        string function,
        TimerSchedule schedule,
        DateTimeOffset? expected,
        DateTimeOffset? next,
        CancellationToken cancellation
    ) =>
        ExecuteAsync(
            $"""
            UPDATE timers SET schedule = $2, time_zone = $3, next_at = $5, last_updated = {clock}
            WHERE function_name = $1 AND next_at IS NOT DISTINCT FROM $4
            """,
            cancellation,
            function,
            schedule.Text,
            schedule.TimeZone,
            expected,
            next
        );

    /// <summary>Claims the occurrence <paramref name="expected"/> when it is due, no host is firing and the timer is not paused, and
    /// advances next_at.</summary>
    /// <returns>The row after the claim; null when the claim failed.</returns>
    public Task<TimerRow?> ClaimAsync(
        string function,
        Guid host,
        DateTimeOffset expected,
        DateTimeOffset? next,
        TimeSpan lease,
        CancellationToken cancellation
    ) =>
        QueryAsync(
            $"""
            UPDATE timers SET firing_at = next_at, firing_by = $2, firing_until = {clock} + $5, firing_tries = 1, next_at = $4,
                last_updated = {clock}
            WHERE function_name = $1 AND next_at = $3 AND next_at <= {clock} AND firing_at IS NULL AND NOT paused
            RETURNING {Columns}, {clock}
            """,
            cancellation,
            function,
            host,
            expected,
            next,
            lease
        );

    /// <summary>Claims a firing outside the schedule; next_at stays.</summary>
    /// <returns>The row after the claim; null when a host is firing or the timer is paused.</returns>
    public Task<TimerRow?> ClaimNowAsync(string function, Guid host, TimeSpan lease, CancellationToken cancellation) =>
        QueryAsync(
            $"""
            UPDATE timers SET firing_at = {clock}, firing_by = $2, firing_until = {clock} + $3, firing_tries = 1, last_updated = {clock}
            WHERE function_name = $1 AND firing_at IS NULL AND NOT paused
            RETURNING {Columns}, {clock}
            """,
            cancellation,
            function,
            host,
            lease
        );

    /// <summary>Takes over a firing whose lease has expired, or was impossibly far ahead when read.</summary>
    /// <returns>The row after the claim; null when it was renewed, done or taken by another.</returns>
    public Task<TimerRow?> TakeOverAsync(string function, Guid host, TimerRow dead, TimeSpan lease, CancellationToken cancellation) =>
        QueryAsync(
            $"""
            UPDATE timers SET firing_by = $2, firing_until = {clock} + $5, firing_tries = firing_tries + 1, last_updated = {clock}
            WHERE function_name = $1 AND firing_by = $3 AND firing_at = $4
                AND (firing_until <= {clock} OR firing_until = $6 AND firing_until > {clock} + 2 * $5)
            RETURNING {Columns}, {clock}
            """,
            cancellation,
            function,
            host,
            dead.FiringBy,
            dead.FiringAt,
            lease,
            dead.FiringUntil
        );

    /// <returns>False when the claim is no longer this host's.</returns>
    public Task<bool> RenewAsync(string function, Guid host, TimeSpan lease, CancellationToken cancellation) =>
        ExecuteAsync(
            $"UPDATE timers SET firing_until = {clock} + $3 WHERE function_name = $1 AND firing_by = $2",
            cancellation,
            function,
            host,
            lease
        );

    /// <summary>The occurrence is done.</summary>
    /// <returns>False when the claim is no longer this host's.</returns>
    public Task<bool> CompleteAsync(string function, Guid host, CancellationToken cancellation) =>
        ExecuteAsync(
            $"""
            UPDATE timers SET last_at = firing_at, firing_at = NULL, firing_by = NULL, firing_until = NULL, firing_tries = 0,
                last_updated = {clock}
            WHERE function_name = $1 AND firing_by = $2
            """,
            cancellation,
            function,
            host
        );

    /// <summary>The firing was interrupted: the next host takes it over at once.</summary>
    public Task ReleaseAsync(string function, Guid host, CancellationToken cancellation) =>
        ExecuteAsync(
            $"UPDATE timers SET firing_until = {clock}, firing_tries = firing_tries - 1 WHERE function_name = $1 AND firing_by = $2",
            cancellation,
            function,
            host
        );

    /// <summary>Lets the due occurrence of a paused timer pass.</summary>
    public Task SkipAsync(string function, DateTimeOffset expected, DateTimeOffset? next, CancellationToken cancellation) =>
        ExecuteAsync(
            $"UPDATE timers SET next_at = $3, last_updated = {clock} WHERE function_name = $1 AND next_at = $2 AND paused",
            cancellation,
            function,
            expected,
            next
        );

    /// <summary>Pauses or resumes a timer. While paused, its occurrences pass without firing; a running call is not stopped.</summary>
    /// <returns>False when there is no such timer.</returns>
    public Task<bool> PauseAsync(string function, bool paused, CancellationToken cancellation) =>
        ExecuteAsync("UPDATE timers SET paused = $2 WHERE lower(function_name) = lower($1)", cancellation, function, paused);

    /// <summary>Every timer the hub has had, sorted by name, including those of removed functions.</summary>
    public async Task<IReadOnlyList<TimerStatus>> ListAsync(CancellationToken cancellation)
    {
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT function_name, schedule, time_zone, last_at, next_at, firing_at, paused FROM timers ORDER BY function_name"
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation);
        List<TimerStatus> timers = [];
        while (await reader.ReadAsync(cancellation))
        {
            timers.Add(
                new TimerStatus(
                    reader.GetString(0),
                    reader.GetString(1),
                    reader.GetString(2),
                    Time(reader, 3),
                    Time(reader, 4),
                    Time(reader, 5),
                    reader.GetBoolean(6)
                )
            );
        }

        return timers;
    }

    private async Task<TimerRow?> QueryAsync(string sql, CancellationToken cancellation, params object?[] values)
    {
        await using NpgsqlCommand command = Command(sql, values);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SingleRow, cancellation);
        return !await reader.ReadAsync(cancellation)
            ? null
            : new TimerRow(
                reader.GetString(0),
                reader.GetString(1),
                Time(reader, 2),
                Time(reader, 3),
                Time(reader, 4)!.Value,
                reader.GetBoolean(5),
                Time(reader, 6),
                reader.IsDBNull(7) ? null : reader.GetGuid(7),
                Time(reader, 8),
                reader.GetInt32(9),
                Time(reader, 10)!.Value
            );
    }

    private async Task<bool> ExecuteAsync(string sql, CancellationToken cancellation, params object?[] values)
    {
        await using NpgsqlCommand command = Command(sql, values);
        return await command.ExecuteNonQueryAsync(cancellation) > 0;
    }

    private NpgsqlCommand Command(string sql, object?[] values)
    {
        NpgsqlCommand command = database.CreateCommand(sql);
        foreach (object? value in values)
        {
            // A null is always a timestamp: without a value, the type must be given.
            command.Parameters.Add(
                value is null
                    ? new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz }
                    : new NpgsqlParameter { Value = value is DateTimeOffset instant ? instant.UtcDateTime : value }
            );
        }

        return command;
    }

    private static DateTimeOffset? Time(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : new DateTimeOffset(reader.GetDateTime(column), TimeSpan.Zero);
}
