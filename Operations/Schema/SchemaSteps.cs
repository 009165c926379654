using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Durable.Operations.Schema;

/// <summary>A published schema step differs from what was applied.</summary>
public sealed class SchemaStepChangedException(string step)
    : Exception($"Schema step {step} was applied with other content. Published steps never change: restore the file and add the next number.");

/// <summary>
/// Brings the app's schemas up to date: <c>Pipelines/&lt;Subject&gt;/Schema/NNN_name.sql</c>, each once, in number order, <c>Operations</c> first.
/// </summary>
/// <remarks>Safe to call from any number of processes at once, any number of times: one transaction under an advisory lock.</remarks>
public static class SchemaSteps
{
    private const long Lock = 0x4475_7261_626C_6501;

    private const string Bootstrap = """
        CREATE SCHEMA IF NOT EXISTS operations;
        CREATE TABLE IF NOT EXISTS operations.schema_steps (
            step text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
        """;

    /// <exception cref="SchemaStepChangedException">An applied step's file has changed.</exception>
    public static async Task ApplyAsync(NpgsqlDataSource database, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock({Lock})", cancellationToken);
        await ExecuteAsync(connection, Bootstrap, cancellationToken);
        Dictionary<string, string> applied = await ReadAppliedAsync(connection, cancellationToken);
        foreach ((string step, string sql) in Published())
        {
            string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
            if (applied.TryGetValue(step, out string? known))
            {
                if (known != hash) throw new SchemaStepChangedException(step);
                continue;
            }

            string schema = step[..step.IndexOf('/')].ToLowerInvariant();
            await ExecuteAsync(connection, $"CREATE SCHEMA IF NOT EXISTS {schema}", cancellationToken);
            await ExecuteAsync(connection, sql, cancellationToken);
            await using NpgsqlCommand record = new("INSERT INTO operations.schema_steps (step, sha256) VALUES ($1, $2)", connection)
            {
                Parameters = { new() { Value = step }, new() { Value = hash } },
            };
            await record.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>All steps in the order in which they are applied, named <c>Subject/NNN_name</c>.</summary>
    internal static IReadOnlyList<(string Step, string Sql)> Published()
    {
        Assembly assembly = typeof(SchemaSteps).Assembly;
        return
        [
            .. from resource in assembly.GetManifestResourceNames()
               where resource.Contains(".Schema.", StringComparison.Ordinal) && resource.EndsWith(".sql", StringComparison.Ordinal)
               let at = resource.IndexOf(".Schema.", StringComparison.Ordinal)
               let subject = resource[..at].Split('.')[^1]
               let step = $"{subject}/{resource[(at + ".Schema.".Length)..^".sql".Length]}"
               orderby subject != "Operations", step
               select (step, EmbeddedSql.Read(assembly, resource)),
        ];
    }

    private static async Task<Dictionary<string, string>> ReadAppliedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        Dictionary<string, string> applied = [];
        await using NpgsqlCommand command = new("SELECT step, sha256 FROM operations.schema_steps", connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken)) applied.Add(reader.GetString(0), reader.GetString(1));
        return applied;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
