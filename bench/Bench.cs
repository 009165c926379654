namespace Durable.Bench;

/// <summary>What can be measured. <paramref name="Option"/> chooses it; the one without is measured unless another is chosen.</summary>
/// <param name="What">What it measures and about how long that takes.</param>
/// <param name="RunAsync">Measures, and says what it finds as it goes.</param>
internal sealed record Bench(
    string? Option,
    string Title,
    string What,
    Func<BenchSizes, BenchReport, Task> RunAsync,
    bool OnPostgres = true
)
{
    public static IReadOnlyList<Bench> All { get; } =
    [
        new(
            null,
            "Engine",
            "the engine: rates, wake-ups, idling, start, recovery (4 minutes)",
            async (_, report) =>
            {
                BenchTable table = new(report);
                await EngineRows.RunAsync(table);
                await StartRows.RunAsync(table);
                await RecoveryRows.RunAsync(table);
            }
        ),
        new("--cities", "Hello-cities", "of the engine only hello-cities (1 minute)", (_, report) => EngineRows.CitiesAsync(new(report))),
        new("--start", "Start", "of the engine only the start of a host (30 s)", (_, report) => StartRows.RunAsync(new(report))),
        new(
            "--recovery",
            "Recovery",
            "of the engine only kill -9 and lost leases (2 minutes)",
            (_, report) => RecoveryRows.RunAsync(new(report))
        ),
        new(
            "--dbos",
            "Beside DBOS Transact",
            "the engine beside DBOS Transact; needs Node.js 20 and npm (2 minutes)",
            (_, report) => DbosRows.RunAsync(report)
        ),
        new(
            "--climate",
            "Climate batches",
            "the climate batches beside COPY (5 minutes)",
            (sizes, report) => ClimateRows.RunAsync(sizes.Cells ?? [1000, 10_000, 45_000], report.Say)
        ),
        new(
            "--national",
            "The national grid, step by step",
            "their whole path once, at full size (30 minutes, 45 GB of disk)",
            (sizes, report) => NationalRows.RunAsync(sizes.Cells?[0] ?? NationalRows.NationalCells, report.Say)
        ),
        new(
            "--spot",
            "The spot market",
            "the spot market's merge, history and packing (1 minute)",
            (_, report) => SpotRows.RunAsync(report.Say)
        ),
        new(
            "--returns",
            "Returns",
            "the returns pipeline's own work, without PostgreSQL (2 minutes)",
            (sizes, report) => ReturnsRows.RunAsync(new(report), sizes.Rows ?? 1_000_000),
            OnPostgres: false
        ),
    ];
}

/// <summary>Sizes given on the command line; null: the bench's own.</summary>
internal sealed record BenchSizes(int[]? Cells, int? Rows);
