using System.Diagnostics;
using System.Numerics;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Operations;
using Npgsql;

namespace Durable.Pipelines.Climate;

/// <summary>Scores hazard partitions (scenario × year) and puts them in place.</summary>
public sealed class HazardTable(NpgsqlDataSource database, GridStore grid, Partitions partitions)
{
    /// <summary>Kind of the partitions in the ledger.</summary>
    public const string Kind = "hazard";

    /// <summary>Changes when a formula or default changes: everything scored before is stale then.</summary>
    internal const string ModelVersion = "H1";

    /// <summary>
    /// Scores the years of a group and swaps them in, all that succeed in one transaction. A year that cannot be scored, or fails its gate,
    /// is recorded as failed with the reason, and whatever was there before stays.
    /// </summary>
    /// <returns>One outcome for each year, in order. Values = cells × risks.</returns>
    /// <remarks>Safe to run twice. Trouble with the database itself is thrown, so that the caller retries.</remarks>
    public async Task<IReadOnlyList<PartitionOutcome>> WriteAsync(HazardGroup group, CancellationToken cancellationToken = default)
    {
        Scenario scenario = Scenarios.Parse(group.Scenario);
        IReadOnlyList<Tile> tiles = await grid.ReadTilesAsync(group.Box, cancellationToken);
        if (tiles.Count == 0) throw new InvalidOperationException("No cell to score: import location_grid (or generate the sample), or widen the box.");

        GridColumns place = await grid.ReadPlacesAsync(tiles, cancellationToken);
        Dictionary<(int, int), string> versions = await grid.ReadVersionsAsync(cancellationToken);
        Dictionary<string, PartitionRecord> known = await partitions.ReadAsync(Kind, cancellationToken);

        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        List<(PartitionOutcome Outcome, string Fingerprint)> present = [];
        List<PartitionOutcome> outcomes = [];
        List<(int Year, long Rows)> filled = [];
        IReadOnlyList<string> tables = await PartitionedTable.Hazard.CreateAsync(connection, scenario, group.Years, cancellationToken);
        foreach ((int year, string table) in group.Years.Zip(tables))
        {
            Stopwatch watch = Stopwatch.StartNew();
            GridColumns annual = await grid.ReadYearAsync(scenario, year, GridVariables.ForHazard, tiles, cancellationToken);
            Scored scored;
            try
            {
                scored = ScoreYear(group, year, tiles, new HazardYear(annual, place));
            }
            catch (Exception error) when (error is InvalidOperationException or FallbackShareException)
            {
                outcomes.Add(new PartitionOutcome(group.Key(year), 0, 0, 0, (int)watch.ElapsedMilliseconds, error.Message));
                continue;
            }

            await FillAsync(connection, table, group, scenario, year, scored, cancellationToken);
            filled.Add((year, scored.Count));
            PartitionOutcome outcome = new(group.Key(year), scored.Count, (long)scored.Count * BitOperations.PopCount((uint)group.RiskMask), scored.Fallbacks, (int)watch.ElapsedMilliseconds);
            outcomes.Add(outcome);
            present.Add((outcome, Fingerprint(group, scenario, year, versions, known.GetValueOrDefault(group.Key(year)))));
        }

        await PartitionedTable.Hazard.SwapAsync(connection, scenario, filled, group.Years.Except(filled.Select(partition => partition.Year)), cancellationToken);
        await Partitions.RecordPresentAsync(connection, Kind, group.RunId, present, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        PartitionOutcome[] failed = [.. outcomes.Where(outcome => !outcome.Succeeded)];
        if (failed.Length > 0) await partitions.RecordFailedAsync(Kind, group.RunId, failed, cancellationToken);
        return outcomes;
    }

    /// <summary>What a partition is computed from: formulas, inputs of the scenario and year, facts about the places, and which cells and risks.</summary>
    internal static string Fingerprint(Scenario scenario, int year, Dictionary<(int, int), string> versions, int riskMask, BoundingBox? box) =>
        Fingerprints.Of(
            ModelVersion, versions.GetValueOrDefault(((int)scenario, year), ""), versions.GetValueOrDefault((0, 0), ""), riskMask.ToString(), box?.ToString() ?? "");

    private static string Fingerprint(HazardGroup group, Scenario scenario, int year, Dictionary<(int, int), string> versions, PartitionRecord? known)
    {
        // A part of a whole partition, computed again from the same inputs, leaves it whole.
        string whole = Fingerprint(scenario, year, versions, Risks.Mask([]), null);
        return known?.Fingerprint == whole ? whole : Fingerprint(scenario, year, versions, group.RiskMask, group.Box);
    }

    private static Scored ScoreYear(HazardGroup group, int year, IReadOnlyList<Tile> tiles, HazardYear hazards)
    {
        Scored scored = new(hazards.Cells);
        int cell = 0;
        foreach (Tile tile in tiles)
        {
            for (int at = 0; at < tile.Cells; at++, cell++)
            {
                if (group.Box is { } box && !box.Contains(tile.Latitudes[at], tile.Longitudes[at])) continue;
                int index = scored.Count++;
                int fallbacks = hazards.Score(cell, scored.Scores.AsSpan(index * Risks.Count, Risks.Count));
                fallbacks &= group.RiskMask | HazardYear.MonthlyHeatBit | HazardYear.MonthlyColdBit;
                scored.GridIds[index] = tile.GridIds[at];
                scored.Flags[index] = (short)fallbacks;
                scored.Fallbacks += BitOperations.PopCount((uint)(fallbacks & group.RiskMask));
            }
        }

        double share = scored.Fallbacks / Math.Max(1.0, (double)scored.Count * BitOperations.PopCount((uint)group.RiskMask));
        return share <= group.MaxFallbackShare ? scored : throw new FallbackShareException(group.Key(year), share, group.MaxFallbackShare);
    }

    private static async Task FillAsync(
        NpgsqlConnection connection, string filled, HazardGroup group, Scenario scenario, int year, Scored scored, CancellationToken cancellationToken)
    {
        PartitionedTable table = PartitionedTable.Hazard;
        bool partial = (group.Box is not null || group.RiskMask != Risks.Mask([])) && await table.ExistsAsync(connection, scenario, year, cancellationToken);
        string copied = filled;
        if (partial)
        {
            copied = "incoming";
            await PartitionedTable.ExecuteAsync(connection, $"DROP TABLE IF EXISTS incoming; CREATE TEMP TABLE incoming (LIKE climate.hazard_row) ON COMMIT DROP", cancellationToken);
        }

        await CopyAsync(connection, copied, group, scenario, year, scored, cancellationToken);
        if (partial) await table.MergeAsync(connection, copied, filled, scenario, year, group.RiskMask, cancellationToken);
    }

    private static async Task CopyAsync(
        NpgsqlConnection connection, string table, HazardGroup group, Scenario scenario, int year, Scored scored, CancellationToken cancellationToken)
    {
        for (int from = 0; from < scored.Count; from += group.BatchSize)
        {
            await using BinaryCopy copy = await BinaryCopy.BeginAsync(connection, table, freeze: true, cancellationToken);
            for (int row = from; row < Math.Min(from + group.BatchSize, scored.Count); row++)
            {
                await copy.StartRowAsync(5 + Risks.Count, cancellationToken);
                copy.Write((short)scenario);
                copy.Write((short)year);
                copy.Write(scored.GridIds[row]);
                WriteScores(copy, scored.Scores.AsSpan(row * Risks.Count, Risks.Count), group.RiskMask);
                copy.Write(scored.Flags[row]);
                copy.Write(group.CreatedAt);
            }

            await copy.CompleteAsync(cancellationToken);
        }
    }

    private static void WriteScores(BinaryCopy copy, ReadOnlySpan<short> scores, int riskMask)
    {
        for (int risk = 0; risk < Risks.Count; risk++)
        {
            if ((riskMask >> risk & 1) == 1) copy.Write(scores[risk]);
            else copy.WriteNull();
        }
    }

    private sealed class Scored(int capacity)
    {
        public int Count;
        public long Fallbacks;
        public readonly int[] GridIds = new int[capacity];
        public readonly short[] Scores = new short[capacity * Risks.Count];
        public readonly short[] Flags = new short[capacity];
    }
}
