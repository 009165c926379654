using Durable.Tests.Fixtures;
using Xunit.Abstractions;

namespace Durable.Tests.Host.Chaos;

/// <summary>PostgreSQL stopped as by a power cut, under load, and started again.</summary>
public sealed class DatabaseRestartTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_database_that_restarts_under_load_costs_nothing_but_time()
    {
        const int Restarts = 3;
        await using PrivatePostgres server = await PostgresServer.StartPrivateAsync();
        await using ChaosHub hub = await ChaosHub.CreateAsync(server.ConnectionString);
        SampleHost host = hub.StartHost();
        await host.ReadyAsync();
        using CancellationTokenSource enough = new();
        Task load = hub.LoadAsync(20, [.. Scenario.All.Where(s => s != Scenario.Persist)], enough.Token); // its failures are meant, and logged
        int linesBefore = host.Lines.Count;
        for (int restart = 0; restart < Restarts; restart++)
        {
            long done = await hub.QueryAsync<long>("SELECT count(*) FROM effects");
            await ChaosHub.UntilAsync(
                async () => await hub.QueryAsync<long>("SELECT count(*) FROM effects") >= done + 40,
                60,
                () => Task.FromResult("no work is done: " + Tail(host))
            );
            await server.StopImmediateAsync();
            await server.StartAgainAsync();
            long after = await hub.QueryAsync<long>("SELECT count(*) FROM effects");
            TimeSpan back = await ChaosHub.UntilAsync(
                async () => await hub.QueryAsync<long>("SELECT count(*) FROM effects") >= after + 10,
                60,
                () => Task.FromResult("no work after the restart: " + Tail(host))
            );
            output.WriteLine($"Work went on {back.TotalSeconds:F2} s after the database was back");
        }

        await enough.CancelAsync();
        await load.WaitAsync(TimeSpan.FromSeconds(60));
        await hub.FinishAsync(60);

        Assert.False(host.HasExited);
        long repeated = await hub.AssertNothingLostOrDoubledAsync(2 * Restarts); // the step's own second try, and one delivered again
        string[] said = [.. host.Lines.Skip(linesBefore).Where(l => l.Contains("PostgreSQL", StringComparison.Ordinal))];
        output.WriteLine(
            $"{hub.Started} orchestrations over {Restarts} restarts, {repeated} steps ran more than once; the host said, {said.Length} times, for one:\n{said.FirstOrDefault()}"
        );
        Assert.InRange(said.Length, 1, 40 * Restarts);
        string[] traces = [.. host.Lines.Skip(linesBefore).Where(l => l.Contains("   at ", StringComparison.Ordinal))];
        Assert.True(
            traces.Length == 0,
            $"{traces.Length} stack traces for an outage that one line explains; the first: {traces.FirstOrDefault()}"
        );
    }

    private static string Tail(SampleHost host) => string.Join('\n', host.Lines.TakeLast(20));
}
