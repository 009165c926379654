using Durable.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Durable.Host.Store;

/// <summary>Text parameters, cleaned of characters that PostgreSQL cannot store.</summary>
internal static class HubText
{
    /// <summary>A parameter of type text.</summary>
    public static NpgsqlParameter Parameter(string? value) =>
        new() { Value = value is null ? DBNull.Value : StorableText.Clean(value), NpgsqlDbType = NpgsqlDbType.Text };

    /// <summary>A parameter of type text[].</summary>
    public static NpgsqlParameter Array<T>(IReadOnlyList<T> rows, Func<T, string?> value)
    {
        string?[] values = new string?[rows.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = value(rows[i]) is { } text ? StorableText.Clean(text) : null;
        }

        return new NpgsqlParameter<string?[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
    }
}
