using Durable.Pipelines.Climate.Model;
using Npgsql;

namespace Durable.Pipelines.Climate.Results;

/// <summary>
/// A result table partitioned by (scenario, part): part is a year (H) or a tile (P). A new partition is filled beside the table and
/// attached when complete; an existing one is truncated and filled again. Both happen in one transaction with the ledger records: readers
/// see the old rows or the new ones. Small parts of H share a table, in which they are deleted and written again.
/// </summary>
/// <param name="Name">Schema and table.</param>
/// <param name="PartColumn">Second partition column.</param>
/// <param name="PartType">Its type.</param>
/// <param name="IndexedRows">Rows above which a table gets an index on the cell. Rows are in that order, so a few pages per cell suffice; a
/// smaller table is read whole as fast.</param>
/// <param name="HasShared">Parts below <see cref="OwnTableRows"/> are in the scenario's default partition.</param>
internal sealed record PartitionedTable(string Name, string PartColumn, string PartType, int IndexedRows, bool HasShared = false)
{
    /// <summary>Rows above which a part of H gets its own table. Below, creating the table would take longer than writing the
    /// rows.</summary>
    public const int OwnTableRows = 5_000;

    public static PartitionedTable Hazard { get; } =
        new("climate.hazard_cells", "target_year", "smallint", IndexedRows: 100_000, HasShared: true);

    public static PartitionedTable Probability { get; } = new("climate.probability_cells", "tile", "integer", IndexedRows: 10_000);

    /// <summary>
    /// Creates the empty tables that will become partitions. Their checks let them be attached without a scan. Autovacuum skips them:
    /// filled once, frozen and replaced whole, they have nothing to vacuum, and analysing hundreds of them took a quarter of a batch's CPU.
    /// </summary>
    /// <returns>Their names, in the order of <paramref name="parts"/>.</returns>
    public async Task<IReadOnlyList<string>> CreateAsync(
        NpgsqlConnection connection,
        Scenario scenario,
        IReadOnlyList<int> parts,
        CancellationToken cancellationToken
    )
    {
        await ExecuteAsync(
            connection,
            string.Join(
                ";\n",
                parts.Select(part =>
                    $"""
                        CREATE TABLE {Filling(scenario, part)} (LIKE {Shape} INCLUDING STORAGE,
                            CONSTRAINT part CHECK (scenario_id = {(short)scenario}::smallint AND {PartColumn} = {part}::{PartType}))
                            WITH (autovacuum_enabled = off)
                        """
                )
            ),
            cancellationToken
        );
        return [.. parts.Select(part => Filling(scenario, part))];
    }

    /// <summary>The parts with their own table.</summary>
    public async Task<HashSet<int>> ReadOwnTablesAsync(
        NpgsqlConnection connection,
        Scenario scenario,
        IReadOnlyList<int> parts,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = new(
            "SELECT coalesce(array_agg(part), '{}') FROM unnest($1, $2) AS wanted (part, name) WHERE to_regclass(name) IS NOT NULL",
            connection
        )
        {
            Parameters =
            {
                new() { Value = parts.ToArray() },
                new() { Value = parts.Select(part => Partition(scenario, part)).ToArray() },
            },
        };
        return [.. (int[])(await command.ExecuteScalarAsync(cancellationToken))!];
    }

    /// <summary>Truncates the table of a part, to be filled again in the same transaction with FREEZE, so that no reader finds it empty.
    /// Readers of the part wait.</summary>
    /// <returns>The table.</returns>
    public async Task<string> EmptyAsync(NpgsqlConnection connection, Scenario scenario, int part, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, $"TRUNCATE {Partition(scenario, part)}", cancellationToken);
        return Partition(scenario, part);
    }

    /// <summary>Deletes parts from <paramref name="table"/>, to be written again in the same transaction.</summary>
    /// <remarks>The scenario's lock comes first, as in <see cref="AttachAsync"/>: the other order could deadlock with it.</remarks>
    public Task DeleteAsync(
        NpgsqlConnection connection,
        string table,
        Scenario scenario,
        IEnumerable<int> parts,
        CancellationToken cancellationToken
    ) => ExecuteAsync(connection, $"LOCK TABLE ONLY {Parent(scenario)} IN ACCESS SHARE MODE; {Delete(table, parts)}", cancellationToken);

    /// <summary>Summarises new pages of the shared table, so that the next <see cref="DeleteAsync"/> reads only those of its
    /// parts.</summary>
    public Task SummarizeSharedAsync(NpgsqlConnection connection, Scenario scenario, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, $"SELECT brin_summarize_new_values('{Parent(scenario)}_years')", cancellationToken);

    /// <summary>Attaches filled tables as partitions. Locks the scenario's table until the transaction ends, so call it last.</summary>
    /// <param name="filled">Parts without a table so far.</param>
    public async Task AttachAsync(
        NpgsqlConnection connection,
        Scenario scenario,
        IReadOnlyList<(int Part, long Rows)> filled,
        CancellationToken cancellationToken
    )
    {
        // The strongest lock first: lanes then queue for it, and none waits for another while holding a weaker one.
        IEnumerable<string> statements =
        [
            .. filled
                .Where(partition => partition.Rows >= IndexedRows)
                .Select(partition => $"CREATE INDEX ON {Filling(scenario, partition.Part)} USING brin (grid_id)"),
            $"LOCK TABLE ONLY {Parent(scenario)} IN ACCESS EXCLUSIVE MODE",
            .. HasShared && filled.Count > 0
                ? [Delete(Shared(scenario), filled.Select(partition => partition.Part))]
                : Array.Empty<string>(), // left by a smaller grid
            .. filled.Select(partition =>
                $"""
                    ALTER TABLE {Filling(scenario, partition.Part)} RENAME TO {Partition(scenario, partition.Part).Split('.')[1]};
                    ALTER TABLE {Parent(scenario)} ATTACH PARTITION {Partition(scenario, partition.Part)} FOR VALUES IN ({partition.Part})
                    """
            ),
        ];
        await ExecuteAsync(connection, string.Join(";\n", statements), cancellationToken);
    }

    private string Delete(string table, IEnumerable<int> parts) =>
        $"DELETE FROM {table} WHERE {PartColumn} IN ({string.Join(", ", parts)})";

    /// <summary>Where parts below <see cref="OwnTableRows"/> lie.</summary>
    public string Shared(Scenario scenario) => $"{Parent(scenario)}_shared";

    /// <summary>A part's own table.</summary>
    public string Partition(Scenario scenario, int part) => $"{Parent(scenario)}_{part}";

    private string Shape => Name.Replace("_cells", "_row", StringComparison.Ordinal);

    private string Filling(Scenario scenario, int part) => Partition(scenario, part) + "_new";

    private string Parent(Scenario scenario) => $"{Name}_{scenario.Name().ToLowerInvariant()}";

    internal static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        // No timeout: a year of the national grid takes long, and a lock waits for earlier readers.
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
