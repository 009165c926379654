using Durable.Tests.Fixtures;
using Durable.Tests.Host.Chaos;

namespace Durable.Bench;

/// <summary>How long work stands still when its host is killed or frozen. The work: for each place for an activity an instance that is
/// inside a step of 50 ms, and beside them instances whose steps are queued.</summary>
/// <remarks>All times are of the database's clock: just before the signal, and at the end of each step. An instance that had not ended has
/// gone on when it has ended, or when the host in question has done two of its steps: the first may have waited for any host, the second
/// needs a new owner of the instance.</remarks>
internal static class RecoveryRows
{
    // After a restart of the server a missing connection says nothing about a host: for its first 10 s only leases count.
    private const string ServerIsSettled = "SELECT pg_postmaster_start_time() < clock_timestamp() - interval '11 seconds'";

    private const int Steps = 30,
        Queued = 5;

    private static readonly int Inside = 10 * Environment.ProcessorCount;

    private static readonly string Instances = $"{Inside} instances inside a step and {Queued} with queued steps";

    public static async Task RunAsync(BenchTable table)
    {
        await using (ChaosHub hub = await ChaosHub.CreateAsync())
            await Eventually.HoldsAsync(() => hub.QueryAsync<bool>(ServerIsSettled));
        await RestartAsync(table);
        await TakeOverAsync(table);
        await FreezeAsync(table);
    }

    private static async Task RestartAsync(BenchTable table)
    {
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        SampleHost host = hub.StartHost();
        List<double> fromStart = [],
            fromKill = [],
            all = [];
        for (int round = 0; round < Rounds.Count; round++)
        {
            await StartWorkAsync(hub, host, round);
            DateTime killed = await NowAsync(hub);
            await host.KillNineAsync();
            DateTime started = await NowAsync(hub);
            host = hub.StartHost();
            (double first, double last) = await UntilAllGoOnAsync(hub, host, round, killed);
            fromStart.Add(first - (started - killed).TotalSeconds);
            fromKill.Add(first);
            all.Add(last);
            await hub.FinishAsync(60);
        }

        await AssertCompleteAsync(hub);
        table.AddSeconds(
            $"only host killed (kill -9) with {Instances}, started again at once: start of the process to its first step",
            new(fromStart),
            2,
            all: true
        );
        table.AddSeconds("the same: kill to that step", new(fromKill), 2, all: true);
        table.AddSeconds("the same: kill until all have gone on", new(all), 2, all: true);
    }

    private static async Task TakeOverAsync(BenchTable table)
    {
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        SampleHost host = hub.StartHost();
        List<double> all = [];
        for (int round = 0; round < Rounds.Count; round++)
        {
            int port = PrivatePostgres.FreePort();
            SampleHost other = hub.StartHost(port);
            await other.ReadyAsync();
            await StartWorkAsync(hub, host, round);
            DateTime killed = await NowAsync(hub);
            await host.KillNineAsync();
            all.Add((await UntilAllGoOnAsync(hub, other, round, killed)).Last);
            await hub.FinishAsync(60);
            (host, hub.Port) = (other, port);
        }

        await AssertCompleteAsync(hub);
        table.AddSeconds("one of two hosts killed (kill -9) with the same: until all have gone on at the other", new(all), 15, all: true);
    }

    private static async Task FreezeAsync(BenchTable table)
    {
        await using ChaosHub hub = await ChaosHub.CreateAsync();
        int otherPort = PrivatePostgres.FreePort();
        SampleHost host = hub.StartHost(),
            other = hub.StartHost(otherPort);
        await other.ReadyAsync();
        List<double> all = [];
        for (int round = 0; round < Rounds.Count; round++)
        {
            await StartWorkAsync(hub, host, round);
            int joins = host.Joins;
            DateTime frozen = await NowAsync(hub);
            await host.SignalAsync("STOP");
            all.Add((await UntilAllGoOnAsync(hub, other, round, frozen)).Last);
            await host.SignalAsync("CONT");
            await Eventually.HoldsAsync(() => host.Joins > joins, "the frozen host did not rejoin");
            await hub.FinishAsync(60);
            (host, other, hub.Port, otherPort) = (other, host, otherPort, hub.Port);
        }

        await AssertCompleteAsync(hub);
        table.AddSeconds(
            "one of two hosts frozen (SIGSTOP), so that its lease of 10 s must run out: until all have gone on at the other",
            new(all),
            15,
            all: true
        );
    }

    /// <summary>Starts the instances at <paramref name="host"/>; returns when each has done a step or waits for a place.</summary>
    private static async Task StartWorkAsync(ChaosHub hub, SampleHost host, int round)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        await host.ReadyAsync();
        await Task.WhenAll(
            Enumerable.Range(0, Inside).Select(n => hub.StartAsync("Ticks", $"{Steps}", $"{round}-inside-{n}", limit.Token))
        );
        await Eventually.HoldsAsync(async () =>
            await hub.QueryAsync<long>("SELECT count(DISTINCT instance_id) FROM effects WHERE instance_id LIKE $1", $"{round}-%") == Inside
        );
        await Task.WhenAll(Enumerable.Range(0, Queued).Select(n => hub.StartAsync(Scenario.FanOut, n, $"{round}-queued-{n}", limit.Token)));
    }

    /// <summary>Waits until all instances have gone on at <paramref name="host"/>.</summary>
    /// <returns>Seconds from <paramref name="gone"/> to the first step there, and until the last instance has gone on.</returns>
    private static async Task<(double First, double Last)> UntilAllGoOnAsync(ChaosHub hub, SampleHost host, int round, DateTime gone)
    {
        double[] seconds = [];
        await Eventually.HoldsAsync(
            async () =>
            {
                seconds = await hub.QueryAsync<double[]>(
                    """
                    SELECT ARRAY[count(*) FILTER (WHERE went_on IS NULL), COALESCE(extract(epoch FROM min(first) - $2), 0),
                        COALESCE(extract(epoch FROM max(went_on) - $2), 0)]::double precision[]
                    FROM (
                        SELECT steps[1] AS first, LEAST(steps[2], completed_at) AS went_on
                        FROM instances i, LATERAL (
                            SELECT array_agg(at ORDER BY at) AS steps FROM effects e
                            WHERE e.instance_id = i.instance_id AND host = $1 AND at > $2
                        ) done
                        WHERE instance_id LIKE $3 AND (completed_at IS NULL OR completed_at > $2)
                    ) open
                    """,
                    host.Pid,
                    gone,
                    $"{round}-%"
                );
                return seconds[0] == 0 && seconds[1] > 0;
            },
            () => Task.FromResult($"{seconds[0]} instances stand still: {string.Join('\n', host.Lines.TakeLast(20))}")
        );
        return (seconds[1], seconds[2]);
    }

    private static Task<DateTime> NowAsync(ChaosHub hub) => hub.QueryAsync<DateTime>("SELECT clock_timestamp()");

    /// <summary>A recovery that loses or doubles something is none.</summary>
    private static async Task AssertCompleteAsync(ChaosHub hub)
    {
        long complete = await hub.QueryAsync<long>("SELECT count(*) FROM instances WHERE status = 1 AND output = $1", $"{Steps}");
        if (complete != Inside * Rounds.Count)
            throw new InvalidOperationException($"Only {complete} of {Inside * Rounds.Count} instances ended with their output.");
        await hub.AssertNothingLostOrDoubledAsync(1, stepsToo: false);
    }
}
