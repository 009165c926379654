using System.Diagnostics;
using Xunit.Abstractions;

namespace Durable.Tests.Host.Chaos;

/// <summary>A host killed with SIGKILL again and again loses nothing and doubles nothing. <c>DURABLE_CHAOS_LONG=1</c> (<c>./test
/// --long</c>): 500 kills instead of 5; <c>DURABLE_CHAOS_SEED</c> repeats the moments of an earlier run.</summary>
public sealed class KillNineTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Kills_under_load_lose_and_double_nothing()
    {
        int kills = Environment.GetEnvironmentVariable("DURABLE_CHAOS_LONG") == "1" ? 500 : 5;
        int seed = int.TryParse(Environment.GetEnvironmentVariable("DURABLE_CHAOS_SEED"), out int given) ? given : Environment.TickCount;
        output.WriteLine($"DURABLE_CHAOS_SEED={seed}");
        Random random = new(seed);
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        SampleHost host = hub.StartHost();
        await host.ReadyAsync();
        using CancellationTokenSource enough = new();
        Task load = hub.LoadAsync(30, Scenario.All, enough.Token);
        Stopwatch watch = Stopwatch.StartNew();
        for (int kill = 1; kill <= kills; kill++)
        {
            // At any moment: while it starts, joins, loads; every other one while it works and commits, however slow the machine is.
            if (kill % 2 == 1)
                await UntilItWorksAsync(hub, host);
            await Task.Delay(random.Next(kill % 2 == 1 ? 300 : 1800));
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
        Assert.True(workers > kills / 2 && hub.Started >= 30, "Too little work was done between the kills to say anything.");
    }

    [Fact]
    public async Task A_restarted_host_continues_where_the_killed_one_ended()
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        SampleHost host = hub.StartHost();
        await host.ReadyAsync();
        const int Runs = 3;
        await hub.StartAsync("Ticks", "100", "ticks", limit.Token);
        TimeSpan[] taken = new TimeSpan[Runs];
        for (int run = 0; run < Runs; run++)
        {
            await UntilItWorksAsync(hub, host);
            await host.KillNineAsync();
            host = hub.StartHost();
            taken[run] = await UntilItWorksAsync(hub, host);
        }

        await hub.FinishAsync(60);
        output.WriteLine(
            $"From the start of the process to its first steps, after kill -9: {string.Join(", ", taken.Order().Select(t => $"{t.TotalSeconds:F2} s"))}"
        );
        Assert.Equal("100", await hub.QueryAsync<string>("SELECT output FROM instances WHERE instance_id = 'ticks'"));
        await hub.AssertNothingLostOrDoubledAsync(Runs, stepsToo: false);
    }

    private static Task<TimeSpan> UntilItWorksAsync(ChaosHub hub, SampleHost host) =>
        ChaosHub.UntilAsync(
            async () => await hub.QueryAsync<long>("SELECT count(*) FROM effects WHERE host = $1", host.Pid) >= 5,
            60,
            () => Task.FromResult("no work: " + string.Join('\n', host.Lines.TakeLast(20)))
        );
}
