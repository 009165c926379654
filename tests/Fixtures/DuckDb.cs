using System.Data.Common;
using DuckDB.NET.Data;

namespace Durable.Tests.Fixtures;

/// <summary>DuckDB in this process, for making and reading Parquet files.</summary>
internal static class DuckDb
{
    /// <summary>The rows of a statement, each value in the type of its column (BIGINT: long, DOUBLE: double, VARCHAR: string).</summary>
    public static async Task<object[][]> QueryAsync(string sql)
    {
        await using DuckDBConnection duck = new("DataSource=:memory:");
        await duck.OpenAsync();
        await using DuckDBCommand command = duck.CreateCommand();
        command.CommandText = sql;
        await using DbDataReader reader = await command.ExecuteReaderAsync();
        List<object[]> rows = [];
        while (await reader.ReadAsync())
        {
            object[] row = new object[reader.FieldCount];
            reader.GetValues(row);
            rows.Add(row);
        }

        return [.. rows];
    }

    /// <summary>A list for <c>read_parquet</c> of the data files in a folder, by name.</summary>
    public static string Parquet(string folder) =>
        "read_parquet(["
        + string.Join(", ", Directory.GetFiles(folder, "*.parquet").Order(StringComparer.Ordinal).Select(file => $"'{file}'"))
        + "])";
}
