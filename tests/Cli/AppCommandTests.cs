using System.Text.Json.Nodes;
using Durable.Tests.Fixtures;
using Durable.Tests.Functions;

namespace Durable.Tests.Cli;

/// <summary>The command line against the app itself.</summary>
public sealed class AppCommandTests
{
    [Fact]
    public async Task Timers_functions_instances_and_batches_are_steered_on_the_real_app()
    {
        await using AppProcess app = await AppProcess.StartAsync(onSchedule: true);
        Task<CliCall> RunAsync(params string[] words) => CliCall.RunAsync([.. words, "--url", app.Url]);

        CliCall paused = null!;
        await Eventually.HoldsAsync(
            async () => (paused = await RunAsync("timers", "pause", "ReapClusters")).ExitCode == 0, // the table of timers is made as the host starts
            () => Task.FromResult(paused.Error)
        );
        Assert.Empty(paused.Error);
        CliCall timers = await RunAsync("timers", "list");
        Assert.Matches(@"ReapClusters .* paused\n", timers.Out);
        await RunAsync("timers", "resume", "ReapClusters");
        Assert.DoesNotMatch(@"ReapClusters .* paused\n", (await RunAsync("timers", "list")).Out);
        Assert.Contains("No function is called 'Tock'", (await RunAsync("timers", "run", "Tock")).Error, StringComparison.Ordinal);

        CliCall functions = await RunAsync("functions", "list", "--kind", "http");
        Assert.Matches(@"StartHazardBatch +http +POST /api/climate/hazard\n", functions.Out);

        CliCall unknown = await RunAsync("instances", "start", "Nonsense");
        Assert.Equal(2, unknown.ExitCode);
        Assert.DoesNotContain('{', unknown.Error);
        CliCall started = await RunAsync(
            "instances",
            "start",
            "GenerateSample",
            "--id",
            "s-1",
            "--wait",
            "--input",
            """{"cells":20,"seed":1,"startYear":2021,"endYear":2021}"""
        );
        Assert.Equal(0, started.ExitCode);
        Assert.Matches(@"LoadSamplePlaces +done", (await RunAsync("instances", "history", "s-1")).Out);
        Assert.Equal("s-1 is Completed; only Failed can be rewound.", (await RunAsync("instances", "rewind", "s-1")).Error.Trim());

        // Newest first, page by page; by id it would be n-1, n-2, n-3.
        foreach (string id in (string[])["n-2", "n-3", "n-1"])
            Assert.Equal(
                0,
                (await RunAsync("instances", "start", "SpotWorkload", "--id", id, "--input", """{"Day":"2026-11-26"}""")).ExitCode
            );
        Assert.Equal(["n-1", "n-3", "n-2"], await IdsAsync("--newest", "--all"));
        Assert.Equal(["n-1"], await IdsAsync("--newest"));
        Assert.Equal(["n-1", "n-2", "n-3"], await IdsAsync("--all"));

        string[] batch = ["climate", "run", "--cells", "20", "--start-year", "2021", "--end-year", "2021", "--statistics"];
        CliCall first = await RunAsync(batch);
        Assert.Equal(0, first.ExitCode);
        Assert.Contains("Grid: 20 cells, sample climate with seed 1.", first.Error, StringComparison.Ordinal);
        CliCall second = await RunAsync(batch);
        Assert.Equal(0, second.ExitCode);
        Assert.StartsWith("Nothing to do: all 4 partitions are there (--force computes them again).", second.Out, StringComparison.Ordinal);
        JsonArray runs = JsonNode.Parse((await RunAsync("climate", "runs", "-o", "json")).Out)!.AsArray();
        Assert.Single(runs); // the second start started nothing

        async Task<string[]> IdsAsync(params string[] options) =>
            [
                .. JsonNode
                    .Parse((await RunAsync(["instances", "list", "--prefix", "n-", "--top", "1", "-o", "json", .. options])).Out)!
                    .AsArray()
                    .Select(instance => (string)instance!["instanceId"]!),
            ];
    }
}
