using System.Diagnostics;
using System.Numerics;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;
using Durable.Postgres;
using Npgsql;

namespace Durable.Pipelines.Climate.Results;

/// <summary>One tile of one scenario: the work of one P(H) activity, written in one transaction.</summary>
/// <param name="Window"><c>rolling-30</c> or <c>full-series</c>, see <see cref="SampleWindow"/>.</param>
/// <inheritdoc cref="HazardGroup" path="/param"/>
public sealed record ProbabilityTask(
    string RunId,
    DateTime CreatedAt,
    string Scenario,
    int Tile,
    int StartYear,
    int EndYear,
    string Window,
    int RiskMask,
    BoundingBox? Box,
    int BatchSize,
    double MaxFallbackShare,
    double MaxChange
)
{
    /// <summary>Ledger key.</summary>
    public string Key => new ProbabilityKey(Scenario, Tile).ToString();

    /// <summary>Every year, risk and cell of the tile.</summary>
    internal bool IsWhole => Box is null && RiskMask == Risks.Mask([]) && StartYear == Scenarios.FirstYear && EndYear == Scenarios.LastYear;

    /// <summary>The same tile with every year, risk and cell.</summary>
    internal ProbabilityTask Whole =>
        this with
        {
            StartYear = Scenarios.FirstYear,
            EndYear = Scenarios.LastYear,
            RiskMask = Risks.Mask([]),
            Box = null,
        };
}

/// <summary>Computes probability partitions (scenario × tile) and puts them in place.</summary>
public sealed class ProbabilityTable(NpgsqlDataSource database, GridStore grid, Partitions partitions, DataGates gates)
{
    /// <summary>Kind of the partitions in the ledger.</summary>
    public const string Kind = "probability";

    /// <summary>Changes when bins, damage rates or the estimate change.</summary>
    internal const string ModelVersion = "P3";

    /// <summary>Computes every target year of a tile and puts the tile in place. A tile that fails a gate is recorded as failed; its old
    /// rows stay.</summary>
    /// <returns>Rows = cells × risks; values = rows × target years.</returns>
    /// <remarks>Safe to run twice. Database errors are thrown, so that the caller retries.</remarks>
    public async Task<PartitionOutcome> WriteAsync(ProbabilityTask task, CancellationToken cancellationToken = default)
    {
        Stopwatch watch = Stopwatch.StartNew();
        Scenario scenario = Scenarios.Parse(task.Scenario);
        Tile tile = (await grid.ReadTilesAsync(cancellationToken: cancellationToken)).Single(candidate => candidate.Number == task.Tile);
        ProbabilityTile probabilities = new(
            await grid.ReadSeriesAsync(scenario, tile, GridVariables.ForProbability, cancellationToken),
            await grid.ReadPlacesAsync([tile], cancellationToken),
            await grid.ReadTyphoonYearsAsync(tile, cancellationToken),
            task.StartYear,
            task.EndYear,
            task.Window,
            task.RiskMask
        );
        Dictionary<(int, int), string> versions = await grid.ReadVersionsAsync(cancellationToken);
        PartitionRecord? known = (await partitions.ReadAsync(Kind, cancellationToken)).GetValueOrDefault(task.Key);
        int[] cells =
        [
            .. Enumerable
                .Range(0, tile.Cells)
                .Where(cell => task.Box is null || task.Box.Contains(tile.Latitudes[cell], tile.Longitudes[cell])),
        ];
        PartitionMeasures measures;
        IReadOnlyList<DataGate> checks;
        try
        {
            probabilities.Compute(cells, cancellationToken);
            (measures, checks) = await MeasureAsync(task, tile, probabilities, cells, cancellationToken);
            if (!checks.All(gate => gate.Passed))
                await gates.CheckAsync(task.RunId, checks, cancellationToken);
        }
        catch (Exception error) when (error is InvalidOperationException or DataGateException)
        {
            PartitionOutcome failed = new(task.Key, 0, 0, 0, (int)watch.ElapsedMilliseconds, error.Message);
            await partitions.RecordFailedAsync(Kind, task.RunId, [failed], cancellationToken);
            return failed;
        }

        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await Partitions.HoldAsync(connection, Kind, task.RunId, [task.Key], cancellationToken);
        await FillAsync(connection, task, scenario, tile, probabilities, cells, cancellationToken);
        PartitionOutcome outcome = new(task.Key, measures.Rows, measures.Wanted, measures.Fallbacks, (int)watch.ElapsedMilliseconds);
        string whole = Fingerprint(task.Whole, versions);
        await Partitions.RecordPresentAsync(
            connection,
            Kind,
            task.RunId,
            [(outcome, known?.Fingerprint == whole ? whole : Fingerprint(task, versions))],
            cancellationToken
        );
        await DataGates.RecordAsync(connection, task.RunId, checks, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return outcome;
    }

    /// <summary>What a partition is computed from: the estimate, every input of the scenario, facts about the places, and which years,
    /// cells and risks.</summary>
    internal static string Fingerprint(ProbabilityTask task, Dictionary<(int Scenario, int Year), string> versions)
    {
        short scenario = (short)Scenarios.Parse(task.Scenario);
        IEnumerable<string> inputs = versions
            .Where(version => version.Key.Scenario == scenario || version.Key.Scenario == 0)
            .OrderBy(version => version.Key)
            .Select(version => $"{version.Key}={version.Value}");
        return Fingerprints.Of([
            ModelVersion,
            task.Window,
            task.StartYear.ToString(),
            task.EndYear.ToString(),
            task.RiskMask.ToString(),
            task.Box?.ToString() ?? "",
            .. inputs,
        ]);
    }

    /// <summary>Gates on the annual losses (0 to the largest damage rate) and on the sum of each set of bins.</summary>
    private async Task<(PartitionMeasures Measures, IReadOnlyList<DataGate> Checks)> MeasureAsync(
        ProbabilityTask task,
        Tile tile,
        ProbabilityTile probabilities,
        int[] cells,
        CancellationToken cancellationToken
    )
    {
        int risks = BitOperations.PopCount((uint)task.RiskMask);
        LossSummary summary = probabilities.Summary;
        // A fallback applies to a cell and risk, so it counts once per target year.
        long rows = (long)cells.Length * risks,
            fallbacks =
                cells.Sum(cell => (long)BitOperations.PopCount((uint)(probabilities.Fallbacks[cell] & task.RiskMask)))
                * probabilities.Targets;
        PartitionMeasures measures = new(
            task.Key,
            rows,
            summary.Known,
            rows * probabilities.Targets,
            fallbacks,
            summary.Smallest / 1e6,
            summary.Largest / 1e6,
            summary.Sum / 1e6
        );
        Dictionary<string, double> last = task.IsWhole
            ? await gates.ReadLastAsync(task.RunId, PartitionGates.Mean, [task.Key], cancellationToken)
            : [];
        long expected = await grid.CountImportedCellsAsync(task.Box, tile, cancellationToken) * risks;
        return (
            measures,
            [
                .. PartitionGates.Of(
                    measures,
                    expected,
                    BinSchemes.LargestDamageRate,
                    task.MaxFallbackShare,
                    last.TryGetValue(task.Key, out double mean) ? mean : null,
                    task.MaxChange
                ),
                new DataGate("probability_sum_error", task.Key, summary.LargestSumError, AtMost: 1e-6),
            ]
        );
    }

    private static async Task FillAsync(
        NpgsqlConnection connection,
        ProbabilityTask task,
        Scenario scenario,
        Tile tile,
        ProbabilityTile probabilities,
        int[] cells,
        CancellationToken cancellationToken
    )
    {
        PartitionedTable table = PartitionedTable.Probability;
        List<ProbabilityRow> rows = [];
        foreach (int cell in cells)
        {
            foreach (Risk risk in Risks.All)
            {
                if ((task.RiskMask >> (int)risk & 1) == 0)
                    continue;
                bool fallback = (probabilities.Fallbacks[cell] & risk.Bit()) != 0;
                rows.Add(
                    new ProbabilityRow(
                        tile.GridIds[cell],
                        risk,
                        (short)task.StartYear,
                        (short)task.EndYear,
                        fallback,
                        task.CreatedAt,
                        probabilities.Years(cell, risk)
                    )
                );
            }
        }

        if ((await table.ReadOwnTablesAsync(connection, scenario, [task.Tile], cancellationToken)).Count == 0)
        {
            string target = (await table.CreateAsync(connection, scenario, [task.Tile], cancellationToken))[0];
            await CopyAsync(connection, target, task, scenario, rows, cancellationToken);
            await table.AttachAsync(connection, scenario, [(task.Tile, rows.Count)], cancellationToken);
            return;
        }

        if (!task.IsWhole)
            rows = ProbabilityRow.Lay(rows, over: await ReadAsync(connection, table.Partition(scenario, task.Tile), cancellationToken));
        await CopyAsync(
            connection,
            await table.EmptyAsync(connection, scenario, task.Tile, cancellationToken),
            task,
            scenario,
            rows,
            cancellationToken
        );
    }

    private static async Task<List<ProbabilityRow>> ReadAsync(
        NpgsqlConnection connection,
        string table,
        CancellationToken cancellationToken
    )
    {
        List<ProbabilityRow> rows = [];
        await using NpgsqlCommand command = new(
            $"SELECT grid_id, risk_id, first_year, last_year, fallback, created_at, years FROM {table}",
            connection
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(
                new ProbabilityRow(
                    reader.GetInt32(0),
                    (Risk)reader.GetInt16(1),
                    reader.GetInt16(2),
                    reader.GetInt16(3),
                    reader.GetBoolean(4),
                    reader.GetDateTime(5),
                    reader.GetFieldValue<byte[]>(6)
                )
            );
        }

        return rows;
    }

    private static async Task CopyAsync(
        NpgsqlConnection connection,
        string table,
        ProbabilityTask task,
        Scenario scenario,
        IReadOnlyList<ProbabilityRow> rows,
        CancellationToken cancellationToken
    )
    {
        for (int from = 0; from < rows.Count; from += task.BatchSize)
        {
            await using BinaryCopy copy = await BinaryCopy.BeginAsync(connection, table, freeze: true, cancellationToken);
            for (int at = from; at < Math.Min(rows.Count, from + task.BatchSize); at++)
            {
                ProbabilityRow row = rows[at];
                await copy.StartRowAsync(9, cancellationToken);
                copy.Write(row.CreatedAt);
                copy.Write(task.Tile);
                copy.Write(row.GridId);
                copy.Write((short)scenario);
                copy.Write((short)row.Risk);
                copy.Write(row.FirstYear);
                copy.Write(row.LastYear);
                copy.Write(row.Fallback);
                copy.Write(PackedYears.Shorten(row.Years.Span));
            }

            await copy.CompleteAsync(cancellationToken);
        }
    }
}
