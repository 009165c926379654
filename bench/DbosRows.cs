namespace Durable.Bench;

/// <summary>The engine beside DBOS Transact for TypeScript, in turns on one server: each measures between two of the other's.</summary>
internal static class DbosRows
{
    private const int Orchestrations = 1000;

    public static async Task RunAsync(BenchReport report)
    {
        string connection = await Tests.Fixtures.PostgresServer.CreateDatabaseAsync();
        await using DbosProcess dbos = await DbosProcess.StartAsync(await Tests.Fixtures.PostgresServer.CreateDatabaseAsync());
        await using BenchHost host = await BenchHost.StartAsync(connection, "BenchHub");
        report.Say(
            $"DBOS Transact {dbos.Version} on Node.js {dbos.NodeVersion}: [bench/dbos](../bench/dbos/bench.mjs). Its fan-out is 1,000 steps of one"
        );
        report.Say(
            "workflow by `Promise.all`, which is faster than child workflows. Both run in one process, hello-cities by 64 clients each of which waits for the"
        );
        report.Say("end of one workflow before it starts the next.");
        report.Say();
        BenchTable table = new(report);
        await EngineRows.WarmUpAsync(host);
        await RowAsync("steps/s in sequence, one workflow of 1,000", "chain", EngineRows.Steps, () => EngineRows.ChainAsync(host));
        await RowAsync("fan-out of 1,000 steps, steps/s", "fanOut", EngineRows.Steps, () => EngineRows.FanOutAsync(host));
        await RowAsync("hello-cities (5 steps), workflows/s", "cities", Orchestrations, () => host.CitiesAsync(Orchestrations), 3);

        async Task RowAsync(string what, string bench, int count, Func<Task<double>> ours, double? reach = null)
        {
            await dbos.RateAsync(bench, count); // warm
            (Samples theirs, Samples[] measured) = await Rounds.RunAsync(() => dbos.RateAsync(bench, count), ours);
            table.AddRatio(what, measured[0], new("DBOS Transact", theirs), reach);
        }
    }
}
