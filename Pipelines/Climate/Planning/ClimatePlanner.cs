using Durable.Operations;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Results;

namespace Durable.Pipelines.Climate.Planning;

/// <summary>One execution of a batch.</summary>
/// <param name="StartedAt">UTC, from history: the same after a crash.</param>
public sealed record ClimateRun(string InstanceId, DateTime StartedAt, ClimateRequest Request)
{
    /// <summary>See <see cref="RunLedger.RunId"/>.</summary>
    public string RunId => RunLedger.RunId(InstanceId, StartedAt);
}

/// <summary>No input data.</summary>
public sealed class ClimateInputMissingException(string what)
    : PermanentFailureException(
        $"{what} Import the input tables and pack them (POST /api/climate/import, then /api/climate/pack), "
            + "or generate a sample (POST /api/climate/sample)."
    );

/// <summary>Determines a request's partitions and which of them must be filled.</summary>
public sealed class ClimatePlanner(GridStore grid, Partitions partitions)
{
    /// <summary>Rows that make an activity worth its overhead: small grids get several years at once.</summary>
    private const int RowsInGroup = 65_536,
        MostYearsInGroup = 80;

    /// <summary>Speed of a lane on a small machine, from the benchmark; used only for the first plan. A row of P(H) holds all target
    /// years.</summary>
    private const double LaneHazardRowsPerSecond = 200_000,
        LaneProbabilityRowsPerSecond = 30_000;

    /// <exception cref="ClimateInputMissingException">The grid is empty, or the box has no cells.</exception>
    public async Task<Plan> PlanHazardAsync(ClimateRequest request, CancellationToken cancellationToken = default)
    {
        long cells = CountIn(request.Box, await CellsAsync(request, cancellationToken));
        Dictionary<(int, int), string> versions = await grid.ReadVersionsAsync(cancellationToken);
        List<(string, IReadOnlyList<string>)> wanted = [];
        foreach (Scenario scenario in request.Scenarios.Select(Scenarios.Parse))
        {
            foreach (int year in request.Years)
            {
                wanted.Add(
                    (
                        new HazardKey(scenario.Name(), year).ToString(),
                        [
                            HazardTable.Fingerprint(scenario, year, versions, request.RiskMask, request.Box),
                            HazardTable.Fingerprint(scenario, year, versions, Risks.Mask([]), null),
                        ]
                    )
                );
            }
        }

        Dictionary<string, PartitionRecord> ledger = await partitions.ReadAsync(HazardTable.Kind, cancellationToken);
        return Plan.Make(
            HazardTable.Kind,
            Options(request),
            wanted,
            ledger,
            request.Workers,
            request.Force,
            _ => cells,
            LaneHazardRowsPerSecond
        );
    }

    /// <inheritdoc cref="PlanHazardAsync"/>
    public async Task<Plan> PlanProbabilityAsync(ClimateRequest request, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<Tile> tiles = await CellsAsync(request, cancellationToken);
        Dictionary<(int, int), string> versions = await grid.ReadVersionsAsync(cancellationToken);
        List<(string, IReadOnlyList<string>)> wanted = [];
        foreach (string scenario in request.Scenarios)
        {
            foreach (Tile tile in tiles)
            {
                ProbabilityTask task = Task("", default, request, scenario, tile.Number);
                wanted.Add((task.Key, [ProbabilityTable.Fingerprint(task, versions), ProbabilityTable.Fingerprint(task.Whole, versions)]));
            }
        }

        Dictionary<string, PartitionRecord> ledger = await partitions.ReadAsync(ProbabilityTable.Kind, cancellationToken);
        return Plan.Make(
            ProbabilityTable.Kind,
            $"{Options(request)} years={request.StartYear}-{request.EndYear} window={request.Window}",
            wanted,
            ledger,
            request.Workers,
            request.Force,
            RowsOf,
            LaneProbabilityRowsPerSecond
        );

        long RowsOf(string key) =>
            CountIn(request.Box, tiles.Where(tile => tile.Number == ProbabilityKey.Parse(key).Tile)) * request.Risks.Count;
    }

    /// <summary>The work of a hazard plan, in the order of its partitions.</summary>
    public async Task<IReadOnlyList<HazardGroup>> GroupAsync(ClimateRun run, Plan plan, CancellationToken cancellationToken = default)
    {
        ClimateRequest request = run.Request;
        int cells = (await CellsAsync(request, cancellationToken)).Sum(tile => tile.Cells);
        int years = Math.Clamp(RowsInGroup / Math.Max(1, cells), 1, MostYearsInGroup);
        return
        [
            .. from partition in plan.Partitions
            where partition.IsToFill
            let key = HazardKey.Parse(partition.Key)
            group key.Year by key.Scenario into scenario
            from chunk in scenario.Chunk(years)
            select new HazardGroup(
                run.RunId,
                run.StartedAt,
                scenario.Key,
                chunk,
                request.RiskMask,
                request.Box,
                request.BatchSize,
                request.MaxFallbackShare,
                request.MaxChange
            ),
        ];
    }

    /// <summary>The work of a probability plan, in the order of its partitions.</summary>
    public static IReadOnlyList<ProbabilityTask> Tasks(ClimateRun run, Plan plan) =>
        [
            .. from partition in plan.Partitions
            where partition.IsToFill
            let key = ProbabilityKey.Parse(partition.Key)
            select Task(run.RunId, run.StartedAt, run.Request, key.Scenario, key.Tile),
        ];

    private static ProbabilityTask Task(string runId, DateTime createdAt, ClimateRequest request, string scenario, int tile) =>
        new(
            runId,
            createdAt,
            scenario,
            tile,
            request.StartYear,
            request.EndYear,
            request.Window,
            request.RiskMask,
            request.Box,
            request.BatchSize,
            request.MaxFallbackShare,
            request.MaxChange
        );

    private static long CountIn(BoundingBox? box, IEnumerable<Tile> tiles) =>
        tiles.Sum(tile =>
            box is null ? tile.Cells : tile.Latitudes.Zip(tile.Longitudes).LongCount(at => box.Contains(at.First, at.Second))
        );

    private static string Options(ClimateRequest request) =>
        $"risks={string.Join(',', request.Risks)} box={request.Box?.ToString() ?? "all"}";

    private async Task<IReadOnlyList<Tile>> CellsAsync(ClimateRequest request, CancellationToken cancellationToken)
    {
        IReadOnlyList<Tile> tiles = await grid.ReadTilesAsync(request.Box, cancellationToken);
        return tiles.Count > 0
            ? tiles
            : throw new ClimateInputMissingException(
                request.Box is null ? "The grid is empty." : $"No cell of the grid lies in {request.Box}."
            );
    }
}
