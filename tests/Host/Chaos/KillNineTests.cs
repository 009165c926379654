using System.Diagnostics;
using Durable.Pipelines.Climate.Model;
using Xunit.Abstractions;

namespace Durable.Tests.Host.Chaos;

/// <summary>A host killed with SIGKILL again and again loses nothing and doubles nothing. <c>DURABLE_CHAOS_LONG=1</c>: 500 kills instead of 50;
/// <c>DURABLE_CHAOS_SEED</c> repeats the moments of an earlier run.</summary>
[Collection(ChaosCollection.Name)]
public sealed class KillNineTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Fifty_kills_under_load_lose_and_double_nothing()
    {
        int kills = Environment.GetEnvironmentVariable("DURABLE_CHAOS_LONG") == "1" ? 500 : 50;
        int seed = int.TryParse(Environment.GetEnvironmentVariable("DURABLE_CHAOS_SEED"), out int given) ? given : Environment.TickCount;
        output.WriteLine($"DURABLE_CHAOS_SEED={seed}");
        Random random = new(seed);
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        Stopwatch starting = Stopwatch.StartNew();
        SampleHost host = hub.StartHost();
        await host.ReadyAsync();
        int longest = Math.Max(1800, (int)starting.ElapsedMilliseconds + 600); // on a busy machine too some live long enough to work
        using CancellationTokenSource enough = new();
        Task load = hub.LoadAsync(30, Scenario.All, enough.Token);
        Stopwatch watch = Stopwatch.StartNew();
        for (int kill = 1; kill <= kills; kill++)
        {
            // At any moment: while it starts, joins, loads, works, commits.
            await Task.Delay(random.Next(50, longest));
            await host.KillNineAsync();
            host = hub.StartHost();
        }

        output.WriteLine($"{kills} kills in {watch.Elapsed.TotalSeconds:F1} s");
        await host.ReadyAsync();
        await enough.CancelAsync();
        await load.WaitAsync(TimeSpan.FromSeconds(60));
        await hub.FinishAsync(60);

        long repeated = await hub.AssertNothingLostOrDoubledAsync(kills);
        long workers = await hub.QueryAsync<long>("SELECT count(DISTINCT host) FROM effects");
        output.WriteLine($"{hub.Started} orchestrations, {repeated} steps ran more than once, {workers} of {kills + 1} hosts did work");
        Assert.True(workers >= kills / 5 && hub.Started >= 30, "Too little work was done between the kills to say anything.");
    }

    [Fact]
    public async Task A_restarted_host_goes_on_at_once()
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        SampleHost host = hub.StartHost();
        await host.ReadyAsync();
        const int Runs = 5;
        await hub.StartAsync("Ticks", "100", "ticks", limit.Token);
        double[] seconds = new double[Runs];
        for (int run = 0; run < Runs; run++)
        {
            int before = host.Pid;
            await ChaosHub.UntilAsync(async () => await hub.QueryAsync<long>("SELECT count(*) FROM effects WHERE host = $1", before) >= 5, 20, () => Task.FromResult("no ticks"));
            await host.KillNineAsync();
            Stopwatch watch = Stopwatch.StartNew();
            host = hub.StartHost();
            int now = host.Pid;
            await ChaosHub.UntilAsync(async () => await hub.QueryAsync<bool>("SELECT EXISTS (SELECT 1 FROM effects WHERE host = $1)", now), 30, () => Task.FromResult("no tick"));
            seconds[run] = watch.Elapsed.TotalSeconds;
        }

        await hub.FinishAsync(30);
        Array.Sort(seconds);
        output.WriteLine($"From the start of the process to its first finished step, after kill -9: median {seconds[Runs / 2]:F2} s, worst {seconds[^1]:F2} s (of {Runs})");
        Assert.Equal("100", await hub.QueryAsync<string>("SELECT output FROM instances WHERE instance_id = 'ticks'"));
        Assert.InRange(seconds[Runs / 2], 0, 10);
    }
}
