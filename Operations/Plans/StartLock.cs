using Npgsql;

namespace Durable.Operations.Plans;

/// <summary>Serialises the starts of one subject over all hosts, so that what a start finds still holds when it acts.</summary>
public sealed class StartLock(NpgsqlDataSource database)
{
    /// <summary>Waits for its turn and holds it until the result is disposed of. The lock ends with the connection: a dead host releases
    /// it.</summary>
    /// <param name="subject">What is started: <c>pothole</c>.</param>
    public async Task<IAsyncDisposable> HoldAsync(string subject, CancellationToken cancellationToken = default)
    {
        NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using NpgsqlCommand command = new("SELECT pg_advisory_xact_lock(hashtextextended('durable start ' || $1, 0))", connection)
            {
                Parameters = { new() { Value = subject } },
            };
            await command.ExecuteNonQueryAsync(cancellationToken);
            return new Held(connection, transaction);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private sealed class Held(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync(); // rolls back, which releases the lock
            await connection.DisposeAsync();
        }
    }
}
