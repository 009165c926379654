using System.Diagnostics;
using System.Numerics;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Model;
using Durable.Postgres;
using Npgsql;

namespace Durable.Pipelines.Climate.Results;

/// <summary>Scores hazard partitions (scenario × year) and puts them in place.</summary>
public sealed class HazardTable(NpgsqlDataSource database, GridStore grid, Partitions partitions, DataGates gates)
{
    /// <summary>Kind of the partitions in the ledger.</summary>
    public const string Kind = "hazard";

    /// <summary>Changes with every formula or default: earlier scores are then stale.</summary>
    internal const string ModelVersion = "H2";

    /// <summary>
    /// Scores the years of a group and puts them in place, all that succeed in one transaction. A year that cannot be scored, or fails its
    /// gate, is recorded as failed with the reason, and its old rows stay.
    /// </summary>
    /// <returns>One outcome for each year, in order. Values = cells × risks.</returns>
    /// <remarks>Safe to run twice. Database errors are thrown, so that the caller retries.</remarks>
    public async Task<IReadOnlyList<PartitionOutcome>> WriteAsync(HazardGroup group, CancellationToken cancellationToken = default)
    {
        Stopwatch watch = Stopwatch.StartNew();
        Scenario scenario = Scenarios.Parse(group.Scenario);
        IReadOnlyList<Tile> tiles = await grid.ReadTilesAsync(group.Box, cancellationToken);
        if (tiles.Count == 0)
            throw new InvalidOperationException("No cell to score: import location_grid (or generate the sample), or widen the box.");

        GridColumns place = await grid.ReadPlacesAsync(tiles, cancellationToken);
        IReadOnlyDictionary<int, GridColumns> annual = await grid.ReadYearsAsync(
            scenario,
            group.Years,
            GridVariables.ForHazard,
            tiles,
            cancellationToken
        );
        List<Scored> years = [];
        Dictionary<int, string> failures = [];
        foreach (int year in group.Years)
        {
            try
            {
                years.Add(ScoreYear(group, year, tiles, new HazardYear(annual[year], place)));
            }
            catch (InvalidOperationException error)
            {
                failures.Add(year, error.Message);
            }
        }

        IReadOnlyList<DataGate> passed = await CheckAsync(group, years, failures, cancellationToken);
        int Duration() => (int)watch.ElapsedMilliseconds / group.Years.Count;
        int risks = BitOperations.PopCount((uint)group.RiskMask);
        List<PartitionOutcome> present = [];
        if (years.Count > 0)
        {
            Dictionary<(int, int), string> versions = await grid.ReadVersionsAsync(cancellationToken);
            Dictionary<string, PartitionRecord> known = await partitions.ReadAsync(Kind, cancellationToken);
            bool small = await grid.CountCellsAsync(cancellationToken) < PartitionedTable.OwnTableRows;
            await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
            await Partitions.HoldAsync(connection, Kind, group.RunId, years.Select(year => group.Key(year.Year)), cancellationToken);
            HashSet<int> own = await PartitionedTable.Hazard.ReadOwnTablesAsync(connection, scenario, group.Years, cancellationToken);
            bool shared = small && own.Count == 0;
            if (!IsPartial(group))
                await HazardSums.ReplaceAsync(
                    connection,
                    scenario,
                    [.. years.Select(year => new HazardSum(year.Year, group.CreatedAt, (long)year.Count * Risks.Count, year.Sum))],
                    cancellationToken
                );
            await (
                shared
                    ? FillSharedAsync(connection, group, scenario, years, cancellationToken)
                    : FillOwnAsync(connection, group, scenario, years, own, cancellationToken)
            );
            if (IsPartial(group))
                await HazardSums.RecountAsync(
                    connection,
                    scenario,
                    [
                        .. years.Select(year =>
                            (
                                year.Year,
                                shared ? PartitionedTable.Hazard.Shared(scenario) : PartitionedTable.Hazard.Partition(scenario, year.Year)
                            )
                        ),
                    ],
                    cancellationToken
                );
            present.AddRange(
                years.Select(year => new PartitionOutcome(
                    group.Key(year.Year),
                    year.Count,
                    (long)year.Count * risks,
                    year.Fallbacks,
                    Duration()
                ))
            );
            await Partitions.RecordPresentAsync(
                connection,
                Kind,
                group.RunId,
                [
                    .. present.Zip(
                        years,
                        (outcome, year) =>
                            (outcome, Fingerprint(group, scenario, year.Year, versions, known.GetValueOrDefault(outcome.Key)))
                    ),
                ],
                cancellationToken
            );
            await DataGates.RecordAsync(connection, group.RunId, passed, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        PartitionOutcome[] failed =
        [
            .. failures.Select(failure => new PartitionOutcome(group.Key(failure.Key), 0, 0, 0, Duration(), failure.Value)),
        ];
        if (failed.Length > 0)
            await partitions.RecordFailedAsync(Kind, group.RunId, failed, cancellationToken);
        return [.. present.Concat(failed).OrderBy(outcome => outcome.Key, StringComparer.Ordinal)];
    }

    /// <summary>What a partition is computed from: formulas, inputs of the scenario and year, facts about the places, and which cells and
    /// risks.</summary>
    internal static string Fingerprint(
        Scenario scenario,
        int year,
        Dictionary<(int, int), string> versions,
        int riskMask,
        BoundingBox? box
    ) =>
        Fingerprints.Of(
            ModelVersion,
            versions.GetValueOrDefault(((int)scenario, year), ""),
            versions.GetValueOrDefault((0, 0), ""),
            riskMask.ToString(),
            box?.ToString() ?? ""
        );

    private static string Fingerprint(
        HazardGroup group,
        Scenario scenario,
        int year,
        Dictionary<(int, int), string> versions,
        PartitionRecord? known
    )
    {
        // Recomputing a part of a complete partition from the same inputs leaves it complete.
        string whole = Fingerprint(scenario, year, versions, Risks.Mask([]), null);
        return known?.Fingerprint == whole ? whole : Fingerprint(scenario, year, versions, group.RiskMask, group.Box);
    }

    private static Scored ScoreYear(HazardGroup group, int year, IReadOnlyList<Tile> tiles, HazardYear hazards)
    {
        Scored scored = new(year, hazards.Cells);
        int cell = 0;
        foreach (Tile tile in tiles)
        {
            for (int at = 0; at < tile.Cells; at++, cell++)
            {
                if (group.Box is { } box && !box.Contains(tile.Latitudes[at], tile.Longitudes[at]))
                    continue;
                int index = scored.Count++;
                int fallbacks = hazards.Score(cell, scored.Scores.AsSpan(index * Risks.Count, Risks.Count));
                fallbacks &= group.RiskMask | HazardYear.MonthlyHeatBit | HazardYear.MonthlyColdBit;
                scored.GridIds[index] = tile.GridIds[at];
                scored.Flags[index] = (short)fallbacks;
                scored.Fallbacks += BitOperations.PopCount((uint)(fallbacks & group.RiskMask));
            }
        }

        return scored;
    }

    /// <summary>Measures every year; one that fails a gate moves to <paramref name="failures"/>.</summary>
    /// <returns>The gates of the years that passed, to be recorded with their rows.</returns>
    private async Task<IReadOnlyList<DataGate>> CheckAsync(
        HazardGroup group,
        List<Scored> years,
        Dictionary<int, string> failures,
        CancellationToken cancellationToken
    )
    {
        long cells = await grid.CountImportedCellsAsync(group.Box, cancellationToken: cancellationToken);
        Dictionary<string, double> means = IsPartial(group)
            ? []
            : await gates.ReadLastAsync(
                group.RunId,
                PartitionGates.Mean,
                [.. years.Select(year => group.Key(year.Year))],
                cancellationToken
            );
        List<DataGate> passed = [];
        foreach (Scored year in years.ToArray())
        {
            PartitionMeasures measures = year.Measure(group);
            IReadOnlyList<DataGate> checks = PartitionGates.Of(
                measures,
                cells,
                100,
                group.MaxFallbackShare,
                means.TryGetValue(measures.Key, out double last) ? last : null,
                group.MaxChange
            );
            try
            {
                if (checks.All(gate => gate.Passed))
                    passed.AddRange(checks);
                else
                    await gates.CheckAsync(group.RunId, checks, cancellationToken);
            }
            catch (DataGateException error)
            {
                failures.Add(year.Year, error.Message);
                years.Remove(year);
            }
        }

        return passed;
    }

    /// <summary>Writes each year into its own table: a new one, attached at the end, or its existing one.</summary>
    private static async Task FillOwnAsync(
        NpgsqlConnection connection,
        HazardGroup group,
        Scenario scenario,
        IReadOnlyList<Scored> years,
        HashSet<int> own,
        CancellationToken cancellationToken
    )
    {
        PartitionedTable table = PartitionedTable.Hazard;
        foreach (Scored year in years.Where(year => own.Contains(year.Year)))
        {
            if (IsPartial(group))
                await MergeAsync(connection, table.Partition(scenario, year.Year), group, scenario, [year], cancellationToken);
            else
                await CopyAsync(
                    connection,
                    await table.EmptyAsync(connection, scenario, year.Year, cancellationToken),
                    freeze: true,
                    group,
                    scenario,
                    [year],
                    cancellationToken
                );
        }

        Scored[] added = [.. years.Where(year => !own.Contains(year.Year))];
        if (added.Length == 0)
            return;
        IReadOnlyList<string> tables = await table.CreateAsync(
            connection,
            scenario,
            [.. added.Select(year => year.Year)],
            cancellationToken
        );
        foreach ((Scored year, string target) in added.Zip(tables))
            await CopyAsync(connection, target, freeze: true, group, scenario, [year], cancellationToken);
        await table.AttachAsync(connection, scenario, [.. added.Select(year => (year.Year, (long)year.Count))], cancellationToken);
    }

    /// <summary>Writes all years into the scenario's shared table, replacing their old rows.</summary>
    private static async Task FillSharedAsync(
        NpgsqlConnection connection,
        HazardGroup group,
        Scenario scenario,
        IReadOnlyList<Scored> years,
        CancellationToken cancellationToken
    )
    {
        PartitionedTable table = PartitionedTable.Hazard;
        if (IsPartial(group))
        {
            await MergeAsync(connection, table.Shared(scenario), group, scenario, years, cancellationToken);
        }
        else
        {
            await table.DeleteAsync(connection, table.Shared(scenario), scenario, years.Select(year => year.Year), cancellationToken);
            await CopyAsync(connection, table.Shared(scenario), freeze: false, group, scenario, years, cancellationToken);
        }

        await table.SummarizeSharedAsync(connection, scenario, cancellationToken);
    }

    /// <summary>
    /// Replaces some risks or cells of years in <paramref name="target"/>; other rows and risks outside the mask stay.
    /// </summary>
    /// <remarks>Reads a partition by its own name: a lock on the parent here would deadlock with another lane that attaches.</remarks>
    private static async Task MergeAsync(
        NpgsqlConnection connection,
        string target,
        HazardGroup group,
        Scenario scenario,
        IReadOnlyList<Scored> years,
        CancellationToken cancellationToken
    )
    {
        await PartitionedTable.ExecuteAsync(
            connection,
            $"""
            DROP TABLE IF EXISTS incoming, kept;
            CREATE TEMP TABLE incoming (LIKE climate.hazard_row) ON COMMIT DROP;
            CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {target} WHERE target_year IN ({string.Join(
                ", ",
                years.Select(year => year.Year)
            )})
            """,
            cancellationToken
        );
        await CopyAsync(connection, "incoming", freeze: true, group, scenario, years, cancellationToken);
        await PartitionedTable.Hazard.DeleteAsync(connection, target, scenario, years.Select(year => year.Year), cancellationToken);
        string scores = string.Join(
            ", ",
            Risks.Names.Select(
                (risk, index) =>
                    (group.RiskMask >> index & 1) == 1 ? $"CASE WHEN i.created_at IS NULL THEN o.{risk} ELSE i.{risk} END" : $"o.{risk}"
            )
        );
        await PartitionedTable.ExecuteAsync(
            connection,
            $"""
            INSERT INTO {target} (scenario_id, target_year, grid_id, {string.Join(", ", Risks.Names)}, fallbacks, created_at)
            SELECT {(short)scenario}, target_year, grid_id, {scores},
                CASE WHEN i.created_at IS NULL THEN o.fallbacks
                    ELSE i.fallbacks | (coalesce(o.fallbacks, 0::smallint) & ~({group.RiskMask}::smallint)) END,
                coalesce(i.created_at, o.created_at)
            FROM incoming i FULL JOIN kept o USING (target_year, grid_id)
            ORDER BY target_year, grid_id
            """,
            cancellationToken
        );
    }

    private static bool IsPartial(HazardGroup group) => group.Box is not null || group.RiskMask != Risks.Mask([]);

    /// <summary>One COPY per <see cref="HazardGroup.BatchSize"/> rows, across years.</summary>
    private static async Task CopyAsync(
        NpgsqlConnection connection,
        string table,
        bool freeze,
        HazardGroup group,
        Scenario scenario,
        IReadOnlyList<Scored> years,
        CancellationToken cancellationToken
    )
    {
        BinaryCopy? copy = null;
        try
        {
            foreach (Scored scored in years)
            {
                for (int row = 0; row < scored.Count; row++)
                {
                    if (copy?.Rows == group.BatchSize)
                    {
                        await copy.CompleteAsync(cancellationToken);
                        copy = null;
                    }

                    copy ??= await BinaryCopy.BeginAsync(connection, table, freeze, cancellationToken);
                    await copy.StartRowAsync(5 + Risks.Count, cancellationToken);
                    copy.Write((short)scenario);
                    copy.Write((short)scored.Year);
                    copy.Write(scored.GridIds[row]);
                    WriteScores(copy, scored.Scores.AsSpan(row * Risks.Count, Risks.Count), group.RiskMask);
                    copy.Write(scored.Flags[row]);
                    copy.Write(group.CreatedAt);
                }
            }

            if (copy is not null)
                await copy.CompleteAsync(cancellationToken);
        }
        finally
        {
            if (copy is not null)
                await copy.DisposeAsync();
        }
    }

    private static void WriteScores(BinaryCopy copy, ReadOnlySpan<short> scores, int riskMask)
    {
        for (int risk = 0; risk < Risks.Count; risk++)
        {
            if ((riskMask >> risk & 1) == 1)
                copy.Write(scores[risk]);
            else
                copy.WriteNull();
        }
    }

    private sealed class Scored(int year, int capacity)
    {
        public readonly int Year = year;
        public int Count;
        public long Fallbacks;

        /// <summary>Of the scores, in hundredths of a point, after <see cref="Measure"/> has summed them.</summary>
        public long Sum { get; private set; }

        public readonly int[] GridIds = new int[capacity];
        public readonly short[] Scores = new short[capacity * Risks.Count];
        public readonly short[] Flags = new short[capacity];

        /// <summary>Scores of the risks of the group, 0 to 100.</summary>
        public PartitionMeasures Measure(HazardGroup group)
        {
            int smallest = int.MaxValue,
                largest = int.MinValue,
                risks = BitOperations.PopCount((uint)group.RiskMask);
            long sum = 0;
            for (int at = 0; at < Count * Risks.Count; at++)
            {
                if ((group.RiskMask >> at % Risks.Count & 1) == 0)
                    continue;
                (smallest, largest) = (Math.Min(smallest, Scores[at]), Math.Max(largest, Scores[at]));
                sum += Scores[at];
            }

            Sum = sum;
            return new PartitionMeasures(
                group.Key(Year),
                Count,
                (long)Count * risks,
                (long)Count * risks,
                Fallbacks,
                smallest / 100.0,
                largest / 100.0,
                sum / 100.0
            );
        }
    }
}
