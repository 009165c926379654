using Npgsql;

namespace Durable.Pipelines.Climate;

/// <summary>
/// A result table partitioned by (scenario, part): part is a year (H) or a tile (P). A partition is filled beside the table, in one
/// transaction with everything recorded about it, and swapped in when whole: readers see the old rows or the new ones.
/// </summary>
/// <param name="Name">Schema and table.</param>
/// <param name="PartColumn">Second partition column.</param>
/// <param name="PartType">Its type.</param>
/// <param name="KeyColumns">What identifies a row within a partition.</param>
/// <param name="ValueColumns">One column for each risk and kind of value, risk by risk; NULL = not computed.</param>
internal sealed record PartitionedTable(string Name, string PartColumn, string PartType, IReadOnlyList<string> KeyColumns, IReadOnlyList<string> ValueColumns)
{
    public static PartitionedTable Hazard { get; } = new("climate.hazard_cells", "target_year", "smallint", ["grid_id"], [.. Risks.Names]);

    public static PartitionedTable Probability { get; } = new(
        "climate.probability_cells", "tile", "integer", ["grid_id", "target_year"], [.. Risks.Names, .. Risks.Names.Select(risk => risk + "_p")]);

    /// <summary>Creates the empty tables that will become partitions. Their checks let them be attached without a scan.</summary>
    /// <returns>Their names, in the order of <paramref name="parts"/>.</returns>
    public async Task<IReadOnlyList<string>> CreateAsync(NpgsqlConnection connection, Scenario scenario, IReadOnlyList<int> parts, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, string.Join(";\n", parts.Select(part => $"""
            CREATE TABLE {Filling(scenario, part)} (LIKE {Shape},
                CONSTRAINT part CHECK (scenario_id = {(short)scenario}::smallint AND {PartColumn} = {part}::{PartType}))
            """)), cancellationToken);
        return [.. parts.Select(part => Filling(scenario, part))];
    }

    /// <summary>Rows from which a partition gets an index on the cell; its rows lie in that order, so a few pages per cell suffice.</summary>
    private const long IndexedRows = 20_000;

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

    /// <summary>Puts filled tables in the place of the present partitions. Locks the scenario's table until the transaction ends, so call it last.</summary>
    /// <param name="filled">Partitions to swap in.</param>
    /// <param name="abandoned">Tables that were created and not filled.</param>
    public async Task SwapAsync(
        NpgsqlConnection connection, Scenario scenario, IReadOnlyList<(int Part, long Rows)> filled, IEnumerable<int> abandoned, CancellationToken cancellationToken)
    {
        // The strongest lock first: lanes then queue for it, and none waits for another while holding a weaker one.
        IEnumerable<string> statements =
        [
            .. abandoned.Select(part => $"DROP TABLE {Filling(scenario, part)}"),
            .. filled.Where(partition => partition.Rows >= IndexedRows).Select(partition => $"CREATE INDEX ON {Filling(scenario, partition.Part)} USING brin (grid_id)"),
            $"LOCK TABLE ONLY {Parent(scenario)} IN ACCESS EXCLUSIVE MODE",
            .. filled.Select(partition => $"""
                DROP TABLE IF EXISTS {Partition(scenario, partition.Part)};
                ALTER TABLE {Filling(scenario, partition.Part)} RENAME TO {Partition(scenario, partition.Part).Split('.')[1]};
                ALTER TABLE {Parent(scenario)} ATTACH PARTITION {Partition(scenario, partition.Part)} FOR VALUES IN ({partition.Part})
                """),
        ];
        await ExecuteAsync(connection, string.Join(";\n", statements), cancellationToken);
    }

    private string Shape => Name.Replace("_cells", "_row", StringComparison.Ordinal);

    private string Filling(Scenario scenario, int part) => Partition(scenario, part) + "_new";

    private string Parent(Scenario scenario) => $"{Name}_{scenario.Name().ToLowerInvariant()}";

    private string Partition(Scenario scenario, int part) => $"{Parent(scenario)}_{part}";

    internal static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
