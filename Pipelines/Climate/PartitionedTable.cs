using Npgsql;

namespace Durable.Pipelines.Climate;

/// <summary>
/// A result table partitioned by (scenario, part): part is a year (H) or a tile (P). A partition is filled beside the table, in one
/// transaction with everything recorded about it, and swapped in when whole: readers see the old rows or the new ones.
/// </summary>
/// <param name="Name">Schema and table.</param>
/// <param name="PartColumn">Second partition column.</param>
/// <param name="KeyColumns">What identifies a row within a partition.</param>
/// <param name="ValueColumns">One column for each risk and kind of value, risk by risk; NULL = not computed.</param>
internal sealed record PartitionedTable(string Name, string PartColumn, IReadOnlyList<string> KeyColumns, IReadOnlyList<string> ValueColumns)
{
    public static PartitionedTable Hazard { get; } = new("climate.hazard_cells", "target_year", ["grid_id"], [.. Risks.Names]);

    public static PartitionedTable Probability { get; } = new(
        "climate.probability_cells", "tile", ["grid_id", "target_year"], [.. Risks.Names, .. Risks.Names.Select(risk => risk + "_p")]);

    /// <summary>Creates the empty table that will become the partition. Its check lets it be attached without a scan.</summary>
    public async Task<string> CreateAsync(NpgsqlConnection connection, Scenario scenario, int part, CancellationToken cancellationToken)
    {
        string table = Partition(scenario, part) + "_new";
        await ExecuteAsync(connection, $"""
            CREATE TABLE {table} (LIKE {Name} INCLUDING DEFAULTS,
                CONSTRAINT part CHECK (scenario_id = {(short)scenario} AND {PartColumn} >= {part} AND {PartColumn} < {part + 1}))
            """, cancellationToken);
        return table;
    }

    /// <summary>True when the partition is there already.</summary>
    public async Task<bool> ExistsAsync(NpgsqlConnection connection, Scenario scenario, int part, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new("SELECT to_regclass($1) IS NOT NULL", connection) { Parameters = { new() { Value = Partition(scenario, part) } } };
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>
    /// Adds to <paramref name="target"/> the rows of <paramref name="incoming"/> and whatever the present partition has beyond them:
    /// rows they do not mention and risks outside <paramref name="riskMask"/>.
    /// </summary>
    /// <remarks>Reads the partition by its own name: a lock on the parent here would deadlock with another lane's swap.</remarks>
    public async Task MergeAsync(
        NpgsqlConnection connection, string incoming, string target, Scenario scenario, int part, int riskMask, CancellationToken cancellationToken)
    {
        string keys = string.Join(", ", KeyColumns);
        string values = string.Join(", ", ValueColumns.Select((column, index) =>
            (riskMask >> (index % Risks.Count) & 1) == 1 ? $"CASE WHEN i.created_at IS NULL THEN o.{column} ELSE i.{column} END" : $"o.{column}"));
        await ExecuteAsync(connection, $"""
            INSERT INTO {target} (scenario_id, {PartColumn}, {keys}, {string.Join(", ", ValueColumns)}, fallbacks, created_at)
            SELECT {(short)scenario}, {part}, {keys}, {values},
                CASE WHEN i.created_at IS NULL THEN o.fallbacks ELSE i.fallbacks | (coalesce(o.fallbacks, 0::smallint) & ~({riskMask}::smallint)) END,
                coalesce(i.created_at, o.created_at)
            FROM {incoming} i FULL JOIN {Partition(scenario, part)} o USING ({keys})
            ORDER BY {keys}
            """, cancellationToken);
    }

    /// <summary>Puts the filled table in the place of the present partition. Locks the parent until the transaction ends, so call it last.</summary>
    public async Task SwapAsync(NpgsqlConnection connection, string filled, Scenario scenario, int part, CancellationToken cancellationToken)
    {
        string final = filled[..^"_new".Length];
        await ExecuteAsync(connection, $"""
            CREATE INDEX ON {filled} USING brin (grid_id);
            DROP TABLE IF EXISTS {final};
            ALTER TABLE {filled} RENAME TO {final.Split('.')[1]};
            ALTER TABLE {Name} ATTACH PARTITION {final} FOR VALUES FROM ({(short)scenario}, {part}) TO ({(short)scenario}, {part + 1});
            ALTER TABLE {final} DROP CONSTRAINT part;
            """, cancellationToken);
    }

    private string Partition(Scenario scenario, int part) => $"{Name}_{scenario.Name().ToLowerInvariant()}_{part}";

    internal static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
