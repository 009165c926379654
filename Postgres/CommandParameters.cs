using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Postgres;

/// <summary>Parameters of a command, in the order of <c>$1</c>, <c>$2</c>, …</summary>
public static class CommandParameters
{
    /// <summary>Adds values, each with the column type that Npgsql has for its .NET type; none may be null.</summary>
    public static void Add(this NpgsqlCommand command, params ReadOnlySpan<object> values)
    {
        foreach (object value in values)
            command.Parameters.Add(new() { Value = value });
    }

    /// <summary>Adds a value or NULL, with an explicit type.</summary>
    public static void AddNullable(this NpgsqlCommand command, NpgsqlDbType type, object? value) =>
        command.Parameters.Add(new() { Value = value ?? DBNull.Value, NpgsqlDbType = type });

    /// <summary>Adds a value as <c>jsonb</c>.</summary>
    public static void AddJson(this NpgsqlCommand command, object value) =>
        command.AddNullable(NpgsqlDbType.Jsonb, JsonSerializer.Serialize(value));
}
