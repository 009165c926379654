using System.Runtime.CompilerServices;
using System.Text.Json;
using Durable.Postgres;
using Npgsql;

namespace Durable.Pipelines.Returns;

/// <summary>The source's tables over their own connection. One statement, one snapshot: rows added during the read wait for the next
/// one.</summary>
public sealed class PostgresSource(NpgsqlDataSource database) : IReturnsSource
{
    public async IAsyncEnumerable<JsonElement> ReadAsync(
        SourceTable table,
        DateTime? sinceUtc,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        await using NpgsqlConnection connection = await OpenAsync(cancellationToken);
        await using NpgsqlCommand command = new(
            $"{Select(table)} WHERE {table.Key} IS NOT NULL AND ($1 IS NULL OR {table.Key} >= $1) ORDER BY {table.Key}) AS row",
            connection
        )
        {
            CommandTimeout = 600,
        };
        command.AddNullable(NpgsqlTypes.NpgsqlDbType.TimestampTz, sinceUtc);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            yield return Parse(reader.GetString(0));
    }

    public async Task<JsonElement?> ReadNewestAsync(SourceTable table, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await OpenAsync(cancellationToken);
        await using NpgsqlCommand command = new(
            $"{Select(table)} WHERE {table.Key} IS NOT NULL ORDER BY {table.Key} DESC LIMIT 1) AS row",
            connection
        );
        return await command.ExecuteScalarAsync(cancellationToken) is string json ? Parse(json) : null;
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            // Times are printed in the session's zone; PostgREST's is UTC. Reset when the connection goes back to the pool.
            await using NpgsqlCommand zone = new("SET TIME ZONE 'UTC'", connection);
            await zone.ExecuteNonQueryAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    // Names are constants of SourceTable, never input.
    private static string Select(SourceTable table) =>
        $"SELECT row_to_json(row)::text FROM (SELECT {string.Join(", ", table.Columns)} FROM {table.Name}";

    private static JsonElement Parse(string json) => JsonSerializer.Deserialize<JsonElement>(json);
}
