using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Durable.Postgres;

/// <summary>The database does not match this version of the program; no retry helps.</summary>
public abstract class SchemaRefusedException(string message) : Exception(message);

/// <summary>A published schema step differs from what was applied to the database.</summary>
public sealed class SchemaStepChangedException(string schema, string component, string step)
    : SchemaRefusedException(
        $"Schema step {component}/{step} was applied to schema '{schema}' with other content. Published steps never change: "
            + "run the version that applied it, or restore the file and add the next number."
    );

/// <summary>The database has steps that this version does not know.</summary>
public sealed class SchemaStepUnknownException(string schema, string component, string step)
    : SchemaRefusedException(
        $"Schema '{schema}' was brought to {component}/{step} by a newer version; run that version, or use another database or task hub."
    );

/// <summary>One set of embedded files <c>NNN_name.sql</c> that are applied in number order, each once.</summary>
/// <param name="Name">Component (<c>engine</c>, <c>timers</c>, <c>climate</c>), with its own numbering.</param>
/// <param name="Schema">Schema of its tables; created when missing. Lower-case letter first, then letters, digits, underscores.</param>
/// <param name="Assembly">Assembly with the embedded files.</param>
/// <param name="ResourcePrefix">Prefix of their resource names, such as <c>Durable.Host.Timers.Sql.</c>; other files are ignored.</param>
public sealed record SchemaComponent(string Name, string Schema, Assembly Assembly, string ResourcePrefix)
{
    /// <summary>The steps in order of application: name without extension, text.</summary>
    public IReadOnlyList<(string Step, string Sql)> Published() =>
        [
            .. from resource in Assembly.GetManifestResourceNames()
            where resource.StartsWith(ResourcePrefix, StringComparison.Ordinal) && resource.EndsWith(".sql", StringComparison.Ordinal)
            let step = resource[ResourcePrefix.Length..^".sql".Length]
            where step.Length > 4 && step[..3].All(char.IsAsciiDigit) && step[3] == '_'
            orderby step
            select (step, Read(resource)),
        ];

    private string Read(string resource)
    {
        using StreamReader reader = new(Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}

/// <summary>Brings tables up to date. <c>schema_steps</c> in the first component's schema records the applied steps, with a hash of each
/// file.</summary>
public static class SchemaSteps
{
    /// <summary>
    /// Applies the missing steps of all components, in order, in one transaction under an advisory lock of the first schema: safe to call
    /// repeatedly and from many processes at once. Unqualified names in a file mean the component's schema.
    /// </summary>
    /// <param name="database">Any data source of the database, with any search_path.</param>
    /// <param name="cancellationToken">Cancels between statements; nothing is kept then.</param>
    /// <exception cref="SchemaStepChangedException">An applied step's file has changed since.</exception>
    /// <exception cref="SchemaStepUnknownException">A newer version has changed the database.</exception>
    /// <exception cref="ArgumentException">An invalid schema name; nothing was sent.</exception>
    public static async Task ApplyAsync(
        NpgsqlDataSource database,
        IReadOnlyList<SchemaComponent> components,
        CancellationToken cancellationToken = default
    )
    {
        string[] schemas = [.. components.Select(component => Quoted(component.Schema))];
        string ledger = $"{schemas[0]}.schema_steps";
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended('durable schema ' || $1, 0))", components[0].Schema);
        await CreateSchemaAsync(0);
        await PrepareLedgerAsync();
        for (int i = 0; i < components.Count; i++)
        {
            await CreateSchemaAsync(i);
            await ExecuteAsync($"SET LOCAL search_path TO {schemas[i]}");
            await ApplyComponentAsync(components[i]);
        }

        await transaction.CommitAsync(cancellationToken);

        async Task ApplyComponentAsync(SchemaComponent component)
        {
            Dictionary<string, string> applied = await ReadAppliedAsync(component.Name);
            foreach ((string step, string sql) in component.Published())
            {
                string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
                if (applied.Remove(step, out string? known))
                {
                    if (known != hash)
                        throw new SchemaStepChangedException(component.Schema, component.Name, step);
                    continue;
                }

                await ExecuteAsync(sql);
                await ExecuteAsync($"INSERT INTO {ledger} (component, step, sha256) VALUES ($1, $2, $3)", component.Name, step, hash);
            }

            if (applied.Count > 0)
                throw new SchemaStepUnknownException(component.Schema, component.Name, applied.Keys.Max(StringComparer.Ordinal)!);
        }

        // Asked first: CREATE SCHEMA IF NOT EXISTS needs the CREATE right even if the schema exists.
        async Task CreateSchemaAsync(int i)
        {
            if (await ScalarAsync("SELECT 1 FROM pg_namespace WHERE nspname = $1", components[i].Schema) is null)
                await ExecuteAsync($"CREATE SCHEMA {schemas[i]}");
        }

        async Task PrepareLedgerAsync()
        {
            if (await ScalarAsync("SELECT to_regclass($1)::text", ledger) is null or DBNull)
            {
                await ExecuteAsync(
                    $"""
                    CREATE TABLE {ledger} (
                        component text NOT NULL, step text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
                        PRIMARY KEY (component, step))
                    """
                );
            }
            else if (
                await ScalarAsync("SELECT 1 FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'component'", ledger) is null
            )
            {
                // Before version 0.2 the app kept one column, 'Climate/001_inputs'.
                await ExecuteAsync(
                    $"""
                    ALTER TABLE {ledger} ADD COLUMN component text NOT NULL DEFAULT '', DROP CONSTRAINT schema_steps_pkey;
                    UPDATE {ledger} SET component = lower(split_part(step, '/', 1)), step = split_part(step, '/', 2);
                    ALTER TABLE {ledger} ALTER COLUMN component DROP DEFAULT, ADD PRIMARY KEY (component, step);
                    """
                );
            }
        }

        async Task<Dictionary<string, string>> ReadAppliedAsync(string component)
        {
            Dictionary<string, string> found = [];
            await using NpgsqlCommand command = Command($"SELECT step, sha256 FROM {ledger} WHERE component = $1", component);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                found.Add(reader.GetString(0), reader.GetString(1));
            return found;
        }

        async Task ExecuteAsync(string sql, params string[] values)
        {
            await using NpgsqlCommand command = Command(sql, values);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        async Task<object?> ScalarAsync(string sql, params string[] values)
        {
            await using NpgsqlCommand command = Command(sql, values);
            return await command.ExecuteScalarAsync(cancellationToken);
        }

        NpgsqlCommand Command(string sql, params string[] values)
        {
            // No timeout: a step may rewrite large tables, or wait for the process that applies it.
            NpgsqlCommand command = new(sql, connection, transaction) { CommandTimeout = 0 };
            foreach (string value in values)
                command.Parameters.Add(new NpgsqlParameter { Value = value });
            return command;
        }
    }

    private static string Quoted(string schema) =>
        schema.Length is > 0 and < 64
        && char.IsAsciiLetterLower(schema[0])
        && schema.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_')
            ? $"\"{schema}\""
            : throw new ArgumentException(
                $"'{schema}' is not a valid schema name: lower-case letters, digits and underscores, a letter first.",
                nameof(schema)
            );
}
