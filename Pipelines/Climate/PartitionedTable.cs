using Npgsql;

namespace Durable.Pipelines.Climate;

/// <summary>
/// A result table partitioned by (scenario, part): part is a year (H) or a tile (P). A partition is filled beside the table, in one
/// transaction with everything recorded about it, and swapped in when whole: readers see the old rows or the new ones.
/// Small parts of H share a table instead, in which they are deleted and written again, also in one transaction.
/// </summary>
/// <param name="Name">Schema and table.</param>
/// <param name="PartColumn">Second partition column.</param>
/// <param name="PartType">Its type.</param>
/// <param name="KeyColumns">What identifies a row within a partition.</param>
/// <param name="ValueColumns">One column for each risk and kind of value, risk by risk; NULL = not computed.</param>
/// <param name="HasShared">Parts below <see cref="OwnTableRows"/> lie in the scenario's default partition.</param>
internal sealed record PartitionedTable(
    string Name, string PartColumn, string PartType, IReadOnlyList<string> KeyColumns, IReadOnlyList<string> ValueColumns, bool HasShared = false)
{
    /// <summary>
    /// Rows from which a part gets a table of its own, with an index on the cell (its rows lie in that order, so a few pages per cell suffice).
    /// Below, making and swapping the table would take longer than writing the rows.
    /// </summary>
    public const int OwnTableRows = 20_000;

    public static PartitionedTable Hazard { get; } = new("climate.hazard_cells", "target_year", "smallint", ["grid_id"], [.. Risks.Names], HasShared: true);

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

    /// <summary>True when any of the parts has a table of its own.</summary>
    public async Task<bool> AnyOwnTableAsync(NpgsqlConnection connection, Scenario scenario, IEnumerable<int> parts, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new("SELECT EXISTS (SELECT FROM unnest($1) AS part (name) WHERE to_regclass(name) IS NOT NULL)", connection)
        {
            Parameters = { new() { Value = parts.Select(part => Partition(scenario, part)).ToArray() } },
        };
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>Removes parts from the scenario's shared table, to be written again in the same transaction.</summary>
    /// <returns>The shared table.</returns>
    /// <remarks>The scenario's lock comes first, as in <see cref="SwapAsync"/>: the other order could deadlock with a swap.</remarks>
    public async Task<string> ClearSharedAsync(NpgsqlConnection connection, Scenario scenario, IEnumerable<int> parts, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, $"LOCK TABLE ONLY {Parent(scenario)} IN ACCESS SHARE MODE; {DeleteShared(scenario, parts)}", cancellationToken);
        return Shared(scenario);
    }

    /// <summary>Sums up new pages of the shared table, so that the next <see cref="ClearSharedAsync"/> reads only those of its parts.</summary>
    public Task SummarizeSharedAsync(NpgsqlConnection connection, Scenario scenario, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, $"SELECT brin_summarize_new_values('{Parent(scenario)}_years')", cancellationToken);

    /// <summary>Copies what the shared table holds of some parts into a temporary table and returns its name.</summary>
    public async Task<string> KeepSharedAsync(NpgsqlConnection connection, Scenario scenario, IEnumerable<int> parts, CancellationToken cancellationToken)
    {
        await ExecuteAsync(
            connection,
            $"DROP TABLE IF EXISTS kept; CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {Shared(scenario)} WHERE {PartColumn} IN ({string.Join(", ", parts)})",
            cancellationToken);
        return "kept";
    }

    /// <summary>
    /// Adds to <paramref name="target"/> the rows of <paramref name="incoming"/> and whatever <paramref name="present"/> (null: the part's own table)
    /// has beyond them: rows they do not mention and risks outside <paramref name="riskMask"/>.
    /// </summary>
    /// <remarks>Reads a partition by its own name: a lock on the parent here would deadlock with another lane's swap.</remarks>
    public async Task MergeAsync(
        NpgsqlConnection connection, string incoming, string? present, string target, Scenario scenario, int part, int riskMask, CancellationToken cancellationToken)
    {
        string keys = string.Join(", ", KeyColumns);
        string values = string.Join(", ", ValueColumns.Select((column, index) =>
            (riskMask >> (index % Risks.Count) & 1) == 1 ? $"CASE WHEN i.created_at IS NULL THEN o.{column} ELSE i.{column} END" : $"o.{column}"));
        string Part(string table) => $"(SELECT * FROM {table} WHERE {PartColumn} = {part})";
        await ExecuteAsync(connection, $"""
            INSERT INTO {target} (scenario_id, {PartColumn}, {keys}, {string.Join(", ", ValueColumns)}, fallbacks, created_at)
            SELECT {(short)scenario}, {part}, {keys}, {values},
                CASE WHEN i.created_at IS NULL THEN o.fallbacks ELSE i.fallbacks | (coalesce(o.fallbacks, 0::smallint) & ~({riskMask}::smallint)) END,
                coalesce(i.created_at, o.created_at)
            FROM {Part(incoming)} i FULL JOIN {Part(present ?? Partition(scenario, part))} o USING ({keys})
            ORDER BY {keys}
            """, cancellationToken);
    }

    /// <summary>Puts filled tables in the place of the present partitions. Locks the scenario's table until the transaction ends, so call it last.</summary>
    /// <param name="filled">Partitions to swap in.</param>
    public async Task SwapAsync(
        NpgsqlConnection connection, Scenario scenario, IReadOnlyList<(int Part, long Rows)> filled, CancellationToken cancellationToken)
    {
        // The strongest lock first: lanes then queue for it, and none waits for another while holding a weaker one.
        IEnumerable<string> statements =
        [
            .. filled.Where(partition => partition.Rows >= OwnTableRows).Select(partition => $"CREATE INDEX ON {Filling(scenario, partition.Part)} USING brin (grid_id)"),
            $"LOCK TABLE ONLY {Parent(scenario)} IN ACCESS EXCLUSIVE MODE",
            .. HasShared && filled.Count > 0 ? [DeleteShared(scenario, filled.Select(partition => partition.Part))] : Array.Empty<string>(), // left by a smaller grid
            .. filled.Select(partition => $"""
                DROP TABLE IF EXISTS {Partition(scenario, partition.Part)};
                ALTER TABLE {Filling(scenario, partition.Part)} RENAME TO {Partition(scenario, partition.Part).Split('.')[1]};
                ALTER TABLE {Parent(scenario)} ATTACH PARTITION {Partition(scenario, partition.Part)} FOR VALUES IN ({partition.Part})
                """),
        ];
        await ExecuteAsync(connection, string.Join(";\n", statements), cancellationToken);
    }

    private string DeleteShared(Scenario scenario, IEnumerable<int> parts) => $"DELETE FROM {Shared(scenario)} WHERE {PartColumn} IN ({string.Join(", ", parts)})";

    private string Shared(Scenario scenario) => $"{Parent(scenario)}_shared";

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
