using System.Diagnostics;
using System.Globalization;
using Durable.Host.Store;
using Npgsql;

namespace Durable.Bench;

/// <summary>The engine's rows of the numbers to reach, each beside its floor of the same run.</summary>
internal static class EngineRows
{
    private const int Orchestrations = 5000;

    public static async Task RunAsync(string connection, BenchTable table)
    {
        NpgsqlConnectionStringBuilder server = new(connection);
        await PgBench.PrepareAsync(server);
        await using BenchHost host = await BenchHost.StartAsync(connection, "BenchHub");
        await host.RunAsync("Chain", 200);
        await host.RunAsync("FanOut", 500);

        double single = await PgBench.CommitsPerSecondAsync(server, 1, 4);
        double chain = Median(await RatesAsync(3, 1000, () => host.RunAsync("Chain", 1000)));
        table.Add("sequential activities/s, one instance", chain, "pgbench, 1 client, commits/s", single, 0.5);

        double sixteen = await PgBench.CommitsPerSecondAsync(server, 16, 4);
        double thousand = Median(await RatesAsync(3, 1000, () => host.RunAsync("FanOut", 1000)));
        double tenThousand = Median(await RatesAsync(3, 10_000, () => host.RunAsync("FanOut", 10_000)));
        table.Add("fan-out of 1,000, activities/s", thousand, "to reach", 30_000, 1);
        table.Add("fan-out of 10,000, activities/s", tenThousand, "to reach", 30_000, 1);
        table.Add("fan-out of 10,000, activities/s", tenThousand, "fan-out of 1,000", thousand, 0.85);

        double cities = Orchestrations / await SecondsAsync(() => ManyAsync(host, Orchestrations));
        table.Add("hello-cities (5 activities), orchestrations/s", cities, "to reach", 800, 1);

        await WakeUpsAsync(host, table);
        await IdleAsync(table);
    }

    public static async Task CitiesAsync(string connection, BenchTable table)
    {
        await using BenchHost host = await BenchHost.StartAsync(connection, "BenchHub");
        await ManyAsync(host, 200);
        table.Add(
            "hello-cities (5 activities), orchestrations/s",
            Orchestrations / await SecondsAsync(() => ManyAsync(host, Orchestrations)),
            "to reach",
            500,
            1
        );
    }

    private static async Task ManyAsync(BenchHost host, int count)
    {
        SemaphoreSlim clients = new(64);
        await Task.WhenAll(
            Enumerable
                .Range(0, count)
                .Select(async _ =>
                {
                    await clients.WaitAsync();
                    string id = Guid.NewGuid().ToString("N");
                    try
                    {
                        await host.Hub.StartAsync(new StartRequest(id, "Cities", null));
                    }
                    finally
                    {
                        clients.Release();
                    }

                    await host.EndAsync(id);
                })
        );
    }

    private static async Task WakeUpsAsync(BenchHost host, BenchTable table)
    {
        double[] timers = new double[100];
        for (int i = 0; i < timers.Length; i++)
        {
            timers[i] = double.Parse((await host.RunAsync("Timer")).Output!, CultureInfo.InvariantCulture);
        }

        table.AddLatency("timer wake-up, idle host", timers, 10, 50);

        string id = "echo-" + Guid.NewGuid().ToString("N");
        await host.Hub.StartAsync(new StartRequest(id, "Echo", null));
        await host.Hub.WaitAsync(id, completion: false, payloads: false);
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

    private static async Task IdleAsync(BenchTable table)
    {
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        await Task.Delay(TimeSpan.FromSeconds(10));
        double percent = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds / 10 * 100;
        table.AddAtMost("idle host, CPU % of one core over 10 s", percent, 1);
        using Process self = Process.GetCurrentProcess();
        table.AddAtMost("resident memory after all rows, MB", self.WorkingSet64 / 1e6, 200);
    }

    private static async Task<List<double>> RatesAsync(int times, int items, Func<Task<InstanceRecord>> run)
    {
        List<double> rates = [];
        for (int i = 0; i < times; i++)
        {
            rates.Add(items / await SecondsAsync(run));
        }

        return rates;
    }

    private static double Median(List<double> rates) => rates.Order().ElementAt(rates.Count / 2);

    private static async Task<double> SecondsAsync(Func<Task> run)
    {
        long start = Stopwatch.GetTimestamp();
        await run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
