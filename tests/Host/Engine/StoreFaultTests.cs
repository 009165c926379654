using System.Net.Sockets;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Engine;

/// <summary>A database that says no: what waits, what is refused, what is said, and that nothing fails that only had to wait.</summary>
public sealed class StoreFaultTests
{
    [Theory]
    [
        InlineData("25006", "Away"),
        InlineData("42501", "Away"),
        InlineData("28P01", "Away"),
        InlineData("28000", "Away"),
        InlineData("3D000", "Away")
    ]
    [
        InlineData("53300", "Away"),
        InlineData("53100", "Away"),
        InlineData("53200", "Away"),
        InlineData("57P01", "Away"),
        InlineData("57P02", "Away"),
        InlineData("57P03", "Away")
    ]
    [InlineData("58030", "Away"), InlineData("08006", "Away"), InlineData("40P01", "Away"), InlineData("55P03", "Away")]
    [InlineData("22021", "Refused"), InlineData("22P05", "Refused"), InlineData("23514", "Refused"), InlineData("54000", "Refused")]
    [
        InlineData("23505", "Unknown"),
        InlineData("42P01", "Unknown"),
        InlineData("42883", "Unknown"),
        InlineData("0A000", "Unknown"),
        InlineData("XX000", "Unknown")
    ]
    public void Every_error_of_the_database_has_its_class(string state, string fault)
    {
        Assert.Equal(fault, StoreFaults.Of(Error(state)).ToString());
        Assert.Equal(fault != "Refused", StoreFaults.Waits(Error(state)));
    }

    [Fact]
    public void Errors_on_the_way_to_the_database_wait_and_those_of_the_host_are_not_its()
    {
        Assert.All(
            (Exception[])[new NpgsqlException("broken"), new SocketException(), new IOException(), new TimeoutException()],
            e => Assert.Equal(StoreFault.Away, StoreFaults.Of(e))
        );
        Assert.Equal(StoreFault.None, StoreFaults.Of(new InvalidOperationException()));
    }

    [
        Theory,
        InlineData("25006"),
        InlineData("42501"),
        InlineData("28P01"),
        InlineData("53300"),
        InlineData("57P01"),
        InlineData("58030"),
        InlineData("53100"),
        InlineData("XX000")
    ]
    public async Task An_instance_outlives_a_database_that_cannot_write(string state)
    {
        ScenarioRuntime app = new ScenarioRuntime()
            .Activity<int, int>("Double", number => Task.FromResult(number * 2))
            .Orchestrator(
                "Chain",
                async context => await context.CallActivityAsync<int>("Double", await context.CallActivityAsync<int>("Double", 3))
            );
        await using TestEngine engine = await TestEngine.StartAsync(app);
        bool refuses = true;
        int refused = 0;
        engine.Database.Probe = point =>
        {
            if (!refuses || point is not { Operation: "commit" or "renew lease" or "claim activities", After: false })
                return;
            Interlocked.Increment(ref refused);
            throw Error(state);
        };

        await engine.ScheduleAsync("Chain", id: "chain");
        await Eventually.HoldsAsync(() => engine.Log.Lines.Count > 0 && Volatile.Read(ref refused) >= 3);
        refuses = false;

        InstanceRecord run = await engine.EndAsync("chain");
        Assert.Equal((OrchestrationRuntimeStatus.Completed, "12"), (run.Status, run.Output)); // 3 × 2 × 2
        Assert.Single(
            engine.Log.Lines,
            line =>
                line.Contains("is unavailable", StringComparison.Ordinal)
                && line.Contains(StoreFaults.Explain(Error(state)), StringComparison.Ordinal)
        );
        Assert.DoesNotContain(engine.Log.Lines, line => line.Contains("   at ", StringComparison.Ordinal));
    }

    private static PostgresException Error(string state) => new("made for the test", "ERROR", "ERROR", state);
}
