using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Durable.Host.Store;

/// <summary>A published schema step differs from what was applied to the database.</summary>
internal sealed class SchemaStepChangedException(string schema, string component, string step) : Exception(
    $"Schema step {component}/{step} was applied to schema '{schema}' with other content. Published steps never change: " +
    "run the version of the host that applied it, or restore the file and add the next number.");

/// <summary>The database has steps that this version of the host does not know.</summary>
internal sealed class SchemaStepUnknownException(string schema, string component, string step) : Exception(
    $"Schema '{schema}' was brought to {component}/{step} by a newer version of the host; run that version, or use another task hub.");

/// <summary>Brings the tables of one component of the host up to date: embedded files <c>NNN_name.sql</c>, each once, in number order.</summary>
internal static class SchemaSteps
{
    /// <summary>
    /// Applies the missing steps in one transaction under an advisory lock of the schema: safe to call from any number of hosts at once, any
    /// number of times. Creates the schema when it is missing; names in the files are unqualified.
    /// </summary>
    /// <param name="database">Any data source of the database; its search_path does not matter.</param>
    /// <param name="schema">Schema name: lower-case letter, then letters, digits, underscores.</param>
    /// <param name="component">Whose steps these are (<c>engine</c>, <c>timers</c>); each counts on its own.</param>
    /// <param name="assembly">Where the files are embedded.</param>
    /// <param name="resourcePrefix">What their resource names begin with, as <c>Durable.Host.Triggers.Sql.</c>; other files there are ignored.</param>
    /// <param name="cancellation">Stops between statements; nothing is kept then.</param>
    /// <exception cref="SchemaStepChangedException">An applied step's file has changed since.</exception>
    /// <exception cref="SchemaStepUnknownException">A newer host has been here.</exception>
    public static async Task ApplyAsync(
        NpgsqlDataSource database, string schema, string component, Assembly assembly, string resourcePrefix, CancellationToken cancellation)
    {
        string name = Quoted(schema);
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellation);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellation);
        await ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended('durable schema ' || $1, 0))", schema);
        // Asked first: CREATE SCHEMA IF NOT EXISTS wants the right to create one even when it is there.
        if (await ScalarAsync("SELECT 1 FROM pg_namespace WHERE nspname = $1", schema) is null) await ExecuteAsync($"CREATE SCHEMA {name}");
        await ExecuteAsync($"SET LOCAL search_path TO {name}");
        if (await ScalarAsync("SELECT to_regclass($1)::text", $"{name}.schema_steps") is null or DBNull)
        {
            await ExecuteAsync("""
                CREATE TABLE schema_steps (
                    component text NOT NULL, step text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
                    PRIMARY KEY (component, step))
                """);
        }

        Dictionary<string, string> applied = await ReadAppliedAsync();
        foreach ((string step, string sql) in Published(assembly, resourcePrefix))
        {
            string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
            if (applied.Remove(step, out string? known))
            {
                if (known != hash) throw new SchemaStepChangedException(schema, component, step);
                continue;
            }

            await ExecuteAsync(sql);
            await ExecuteAsync("INSERT INTO schema_steps (component, step, sha256) VALUES ($1, $2, $3)", component, step, hash);
        }

        if (applied.Count > 0) throw new SchemaStepUnknownException(schema, component, applied.Keys.Max(StringComparer.Ordinal)!);
        await transaction.CommitAsync(cancellation);

        async Task<Dictionary<string, string>> ReadAppliedAsync()
        {
            Dictionary<string, string> found = [];
            await using NpgsqlCommand command = Command("SELECT step, sha256 FROM schema_steps WHERE component = $1", component);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation);
            while (await reader.ReadAsync(cancellation)) found.Add(reader.GetString(0), reader.GetString(1));
            return found;
        }

        async Task ExecuteAsync(string sql, params string[] values)
        {
            await using NpgsqlCommand command = Command(sql, values);
            await command.ExecuteNonQueryAsync(cancellation);
        }

        async Task<object?> ScalarAsync(string sql, params string[] values)
        {
            await using NpgsqlCommand command = Command(sql, values);
            return await command.ExecuteScalarAsync(cancellation);
        }

        NpgsqlCommand Command(string sql, params string[] values)
        {
            NpgsqlCommand command = new(sql, connection, transaction);
            foreach (string value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
            return command;
        }
    }

    /// <summary>The steps under a prefix in the order in which they are applied.</summary>
    internal static IReadOnlyList<(string Step, string Sql)> Published(Assembly assembly, string resourcePrefix) =>
    [
        .. from resource in assembly.GetManifestResourceNames()
           where resource.StartsWith(resourcePrefix, StringComparison.Ordinal) && resource.EndsWith(".sql", StringComparison.Ordinal)
           let step = resource[resourcePrefix.Length..^".sql".Length]
           where step.Length > 4 && step[..3].All(char.IsAsciiDigit) && step[3] == '_'
           orderby step
           select (step, Read(assembly, resource)),
    ];

    private static string Read(Assembly assembly, string resource)
    {
        using StreamReader reader = new(assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }

    private static string Quoted(string schema) =>
        schema.Length is > 0 and < 64 && char.IsAsciiLetterLower(schema[0]) && schema.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_')
            ? $"\"{schema}\""
            : throw new ArgumentException($"'{schema}' is no schema name: lower-case letters, digits and underscores, a letter first.", nameof(schema));
}
