using System.Globalization;
using Durable.Tests.Fixtures;
using Xunit.Abstractions;

namespace Durable.Tests.Host.Chaos;

/// <summary>Two host processes on one hub: what one can no longer do the other takes over, and the one that comes back late does no
/// harm.</summary>
public sealed class TwoHostsTests(ITestOutputHelper output)
{
    private const int Instances = 12;

    [Fact]
    public async Task Work_of_a_killed_host_is_taken_over()
    {
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        SampleHost first = await StartAtWorkAsync(hub);
        SampleHost second = hub.StartHost(hub.Port = PrivatePostgres.FreePort());
        await second.ReadyAsync();

        await first.KillNineAsync();
        TimeSpan taken = await UntilAllTickAsync(hub, second);

        output.WriteLine($"After kill -9 of one host all {Instances} instances went on at the other within {taken.TotalSeconds:F2} s");
        await AssertCompleteAsync(hub);
    }

    [Fact]
    public async Task A_host_frozen_past_its_lease_loses_cleanly_when_it_wakes()
    {
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        SampleHost frozen = await StartAtWorkAsync(hub);
        SampleHost other = hub.StartHost(hub.Port = PrivatePostgres.FreePort());
        await other.ReadyAsync();
        int joins = frozen.Joins;

        await frozen.SignalAsync("STOP");
        TimeSpan taken = await UntilAllTickAsync(hub, other);
        await frozen.SignalAsync("CONT");
        await ChaosHub.UntilAsync(
            () => Task.FromResult(frozen.Joins > joins),
            60,
            () => Task.FromResult("the frozen host did not rejoin: " + string.Join('\n', frozen.Lines.TakeLast(20)))
        );

        output.WriteLine(
            $"After SIGSTOP of one host all {Instances} instances went on at the other within {taken.TotalSeconds:F2} s (lease 10 s)"
        );
        await AssertCompleteAsync(hub);
        Assert.False(frozen.HasExited);
    }

    [Fact]
    public async Task Two_hosts_killed_in_turn_under_load_lose_and_double_nothing()
    {
        const int Kills = 4;
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        int[] ports = [hub.Port, PrivatePostgres.FreePort()];
        SampleHost[] pair = [hub.StartHost(ports[0]), hub.StartHost(ports[1])];
        await pair[0].ReadyAsync();
        await pair[1].ReadyAsync();
        using CancellationTokenSource enough = new();
        Task load = hub.LoadAsync(30, Scenario.All, enough.Token);
        for (int kill = 0; kill < Kills; kill++)
        {
            hub.Port = ports[(kill + 1) % 2];
            await pair[kill % 2].KillNineAsync();
            pair[kill % 2] = hub.StartHost(ports[kill % 2]);
            await pair[kill % 2].ReadyAsync();
        }

        await enough.CancelAsync();
        await load.WaitAsync(TimeSpan.FromSeconds(60));
        await hub.FinishAsync(60);

        long repeated = await hub.AssertNothingLostOrDoubledAsync(Kills);
        output.WriteLine($"{hub.Started} orchestrations over {Kills} kills, {repeated} steps ran more than once");
    }

    /// <summary>A host, alone, that holds all instances and has done the first steps of each.</summary>
    private static async Task<SampleHost> StartAtWorkAsync(ChaosHub hub)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        SampleHost host = hub.StartHost();
        await host.ReadyAsync();
        await Task.WhenAll(Enumerable.Range(0, Instances).Select(n => hub.StartAsync("Ticks", "200", $"ticks-{n}", limit.Token)));
        await UntilAllTickAsync(hub, host);
        return host;
    }

    private static Task<TimeSpan> UntilAllTickAsync(ChaosHub hub, SampleHost host) =>
        ChaosHub.UntilAsync(
            async () =>
                await hub.QueryAsync<long>("SELECT count(DISTINCT instance_id) FROM effects WHERE host = $1", host.Pid) == Instances,
            60,
            async () =>
                $"{await hub.QueryAsync<long>("SELECT count(DISTINCT instance_id) FROM effects WHERE host = $1", host.Pid)} of {Instances} at host {host.Pid}: {string.Join('\n', host.Lines.TakeLast(20))}"
        );

    private static async Task AssertCompleteAsync(ChaosHub hub)
    {
        await hub.FinishAsync(90);
        Assert.Equal(Instances, await hub.QueryAsync<long>("SELECT count(*) FROM instances WHERE status = 1 AND output = '200'"));
        Assert.Equal(
            Instances * 200L,
            await hub.QueryAsync<long>("SELECT count(*) FROM (SELECT DISTINCT instance_id, step FROM effects) e")
        );

        // Once more at most, and only for what was under way as the host went: no more than one step of each instance.
        string repeats = await hub.QueryAsync<string>(
            """
            SELECT format('%s %s', COALESCE(max(times), 1), count(*))
            FROM (SELECT count(*) AS times FROM effects GROUP BY instance_id, step HAVING count(*) > 1) r
            """
        );
        int[] numbers = [.. repeats.Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        Assert.InRange(numbers[0], 1, 2);
        Assert.InRange(numbers[1], 0, Instances);
        await hub.AssertNothingLostOrDoubledAsync(1, stepsToo: false);
    }
}
