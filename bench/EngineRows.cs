using System.Diagnostics;
using System.Globalization;
using Durable.Host.History;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Bench;

/// <summary>The engine's rows of the numbers to reach, in this process; each rate beside the server's own commits a second.</summary>
internal static class EngineRows
{
    public const int Steps = 1000;

    private const int Many = 10_000,
        Orchestrations = 5000,
        FloorSeconds = 2;

    public static async Task RunAsync(BenchTable table)
    {
        NpgsqlConnectionStringBuilder server = await PrepareAsync();
        await using BenchHost host = await BenchHost.StartAsync(server.ConnectionString, "BenchHub");
        await WarmUpAsync(host);

        (Samples one, Samples[] chain) = await Rounds.RunAsync(
            () => PgBench.CommitsPerSecondAsync(server, 1, FloorSeconds),
            () => ChainAsync(host)
        );
        table.AddRatio("sequential activities/s, one instance", chain[0], new("pgbench, 1 client, commits/s", one), 0.5);

        (Samples sixteen, Samples[] rates) = await Rounds.RunAsync(
            () => PgBench.CommitsPerSecondAsync(server, 16, FloorSeconds),
            () => FanOutAsync(host),
            () => Rounds.RateAsync(Many, () => host.RunAsync("FanOut", Many)),
            () => host.CitiesAsync(Orchestrations)
        );
        Beside floor = new("pgbench, 16 clients, commits/s", sixteen);
        table.AddRate("fan-out of 1,000, activities/s", rates[0], 30_000, floor);
        table.AddRate("fan-out of 10,000, activities/s", rates[1], 30_000, floor);
        table.AddRatio("fan-out of 10,000, activities/s", rates[1], new("fan-out of 1,000", rates[0]), 0.85);
        table.AddRate("hello-cities (5 activities), orchestrations/s", rates[2], 800, floor);

        await WakeUpsAsync(host, table);
        await IdleAsync(host, table);
    }

    public static async Task CitiesAsync(BenchTable table)
    {
        NpgsqlConnectionStringBuilder server = await PrepareAsync();
        await using BenchHost host = await BenchHost.StartAsync(server.ConnectionString, "BenchHub");
        await host.CitiesAsync(1000);
        (Samples sixteen, Samples[] rates) = await Rounds.RunAsync(
            () => PgBench.CommitsPerSecondAsync(server, 16, FloorSeconds),
            () => host.CitiesAsync(Orchestrations)
        );
        table.AddRate("hello-cities (5 activities), orchestrations/s", rates[0], 800, new("pgbench, 16 clients, commits/s", sixteen));
    }

    /// <summary>Everything is compiled before it is measured.</summary>
    public static async Task WarmUpAsync(BenchHost host)
    {
        await host.RunAsync("Chain", Steps);
        await host.RunAsync("FanOut", Many);
        await host.CitiesAsync(1000);
    }

    /// <summary>Activities a second, each on the one before.</summary>
    public static Task<double> ChainAsync(BenchHost host) => Rounds.RateAsync(Steps, () => host.RunAsync("Chain", Steps));

    /// <summary>Activities a second of five fan-outs, one after the other: one alone takes too little time.</summary>
    public static Task<double> FanOutAsync(BenchHost host) =>
        Rounds.RateAsync(
            5 * Steps,
            async () =>
            {
                for (int i = 0; i < 5; i++)
                    await host.RunAsync("FanOut", Steps);
            }
        );

    private static async Task<NpgsqlConnectionStringBuilder> PrepareAsync()
    {
        NpgsqlConnectionStringBuilder server = new(await PostgresServer.CreateDatabaseAsync());
        await PgBench.PrepareAsync(server);
        return server;
    }

    private static async Task WakeUpsAsync(BenchHost host, BenchTable table)
    {
        double[] timers = new double[100];
        for (int i = 0; i < timers.Length; i++)
        {
            timers[i] = double.Parse((await host.RunAsync("Timer")).Output!, CultureInfo.InvariantCulture);
        }

        table.AddLatency("timer wake-up, idle host", timers, 10, 50);

        string id = await host.StartEchoAsync();
        double[] events = new double[100];
        for (int i = 0; i < events.Length; i++)
        {
            string? before = (await host.Hub.GetAsync(id, payloads: false))!.CustomStatus;
            long start = Stopwatch.GetTimestamp();
            await host.RaiseAsync(id, "ping", i);
            while ((await host.Hub.GetAsync(id, payloads: false))!.CustomStatus == before) { }

            events[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            await Task.Delay(20);
        }

        await host.RaiseAsync(id, "ping", -1);
        table.AddLatency("event to visible effect, idle host", events, 10, 50);
    }

    private static async Task IdleAsync(BenchHost host, BenchTable table)
    {
        for (int i = 0; i < 50; i++)
        {
            await host.StartEchoAsync();
            await host.Hub.SendAsync(
                await host.StartEchoAsync(),
                new HistoryEvent(EventKind.ExecutionSuspended, -1, DateTime.UtcNow, null, null)
            );
        }

        await Task.Delay(TimeSpan.FromSeconds(2));
        List<double> percents = [];
        for (int i = 0; i < Rounds.Count; i++)
        {
            TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
            await Task.Delay(TimeSpan.FromSeconds(2));
            percents.Add((Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds / 2 * 100);
        }

        table.AddAtMost("idle host with 50 waiting and 50 suspended instances, CPU % of one core over 2 s", new Samples(percents), 1);
        using Process self = Process.GetCurrentProcess();
        table.AddAtMost("resident memory after all rows, MB", Samples.Of(self.WorkingSet64 / 1e6), 200);
    }
}
