using Durable.Pipelines.Climate.Model;
using Npgsql;

namespace Durable.Pipelines.Climate.Results;

/// <summary>Scores of one scenario and year that were written together.</summary>
/// <param name="Sum">Hundredths of a point.</param>
internal sealed record HazardSum(int Year, DateTimeOffset CreatedAt, long Scores, long Sum);

/// <summary>Updates <c>climate.hazard_sums</c> in the transaction that writes the rows.</summary>
internal static class HazardSums
{
    private static readonly string Columns = string.Join(", ", Risks.Names);

    /// <summary>Replaces the sums of years written whole.</summary>
    public static async Task ReplaceAsync(
        NpgsqlConnection connection,
        Scenario scenario,
        IReadOnlyList<HazardSum> sums,
        CancellationToken cancellationToken
    )
    {
        await ClearAsync(connection, scenario, sums.Select(sum => sum.Year), cancellationToken);
        await using NpgsqlCommand insert = new(
            """
            INSERT INTO climate.hazard_sums SELECT $1, s.* FROM unnest($2::smallint[], $3::timestamptz[], $4::bigint[], $5::bigint[]) AS s
            """,
            connection
        )
        {
            Parameters =
            {
                new() { Value = (short)scenario },
                new() { Value = sums.Select(sum => (short)sum.Year).ToArray() },
                new() { Value = sums.Select(sum => sum.CreatedAt.ToUniversalTime()).ToArray() },
                new() { Value = sums.Select(sum => sum.Scores).ToArray() },
                new() { Value = sums.Select(sum => sum.Sum).ToArray() },
            },
        };
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Recomputes the sums of partly written years (some risks or cells) from their tables.</summary>
    /// <param name="tables">By year.</param>
    public static async Task RecountAsync(
        NpgsqlConnection connection,
        Scenario scenario,
        IReadOnlyList<(int Year, string Table)> tables,
        CancellationToken cancellationToken
    )
    {
        await ClearAsync(connection, scenario, tables.Select(table => table.Year), cancellationToken);
        foreach (IGrouping<string, int> table in tables.GroupBy(table => table.Table, table => table.Year))
        {
            await PartitionedTable.ExecuteAsync(
                connection,
                $"""
                INSERT INTO climate.hazard_sums
                SELECT scenario_id, target_year, created_at, sum(num_nonnulls({Columns})), sum({string.Join(
                    " + ",
                    Risks.Names.Select(risk => $"coalesce({risk}, 0)::bigint")
                )})
                FROM {table.Key} WHERE target_year IN ({string.Join(", ", table)}) GROUP BY scenario_id, target_year, created_at
                """,
                cancellationToken
            );
        }
    }

    private static async Task ClearAsync(
        NpgsqlConnection connection,
        Scenario scenario,
        IEnumerable<int> years,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand clear = new(
            "DELETE FROM climate.hazard_sums WHERE scenario_id = $1 AND target_year = ANY ($2)",
            connection
        )
        {
            Parameters =
            {
                new() { Value = (short)scenario },
                new() { Value = years.Select(year => (short)year).ToArray() },
            },
        };
        await clear.ExecuteNonQueryAsync(cancellationToken);
    }
}
