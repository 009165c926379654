using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask.Client;

namespace Durable.Tests.Host.Engine;

/// <summary>A history that grows without end is told of, and ends by setting.</summary>
public sealed class LongHistoryTests
{
    private static ScenarioRuntime App() =>
        new ScenarioRuntime()
            .Activity<int, int>("Double", number => Task.FromResult(number * 2))
            .Orchestrator(
                "Loop",
                async context =>
                {
                    for (int step = 0; step < context.GetInput<int>(); step++)
                    {
                        await context.CallActivityAsync<int>("Double", step);
                    }

                    return "done";
                }
            )
            .Orchestrator(
                "Anew",
                async context =>
                {
                    int left = context.GetInput<int>();
                    await context.CallActivityAsync<int>("Double", left);
                    if (left > 1)
                    {
                        context.ContinueAsNew(left - 1);
                    }

                    return "done";
                }
            );

    [Fact]
    public async Task A_long_history_warns_once_and_one_over_the_limit_fails_with_the_remedy()
    {
        await using TestEngine engine = await TestEngine.StartAsync(
            App(),
            settings: new HubSettings
            {
                HubName = "TestHub",
                ExtendedSessions = true,
                LongHistory = 20,
                MaxHistoryEvents = 60,
            }
        );

        InstanceRecord run = await engine.RunAsync("Loop", 100, "long");

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Contains("more than the 60 of the setting Durable__MaxHistoryEvents", run.Output, StringComparison.Ordinal);
        Assert.Contains("ContinueAsNew", run.Output, StringComparison.Ordinal);
        Assert.InRange((await engine.Hub.ReadHistoryAsync("long")).Count, 50, 61);
        Assert.Single(
            engine.Log.Lines,
            line =>
                line.Contains("The history of long holds 2", StringComparison.Ordinal)
                && line.Contains("ContinueAsNew", StringComparison.Ordinal)
        );
    }

    /// <summary>Counted, not timed: what the store reads for an execution does not grow with the executions before it.</summary>
    [Fact]
    public async Task Continuing_as_new_reads_as_much_late_in_its_life_as_early()
    {
        const int Half = 300;
        string database = await PostgresServer.CreateDatabaseAsync();
        ScenarioRuntime app = App()
            .Orchestrator(
                "Halves",
                async context =>
                {
                    int left = context.GetInput<int>();
                    if (left == Half)
                        await context.WaitForExternalEvent<string>("go on");
                    await context.CallActivityAsync<int>("Double", left);
                    if (left > 1)
                        context.ContinueAsNew(left - 1);
                    return "done";
                }
            );
        HubSettings settings = new() { HubName = "TestHub", ExtendedSessions = true };
        await using (TestEngine empty = await TestEngine.StartAsync(app, database, settings))
            await empty.ScheduleAsync("Loop", 0); // makes the schema

        long first = await RowsRead.ByAsync(
            database,
            "testhub",
            async () =>
            {
                await using TestEngine engine = await TestEngine.StartAsync(app, database, settings);
                await engine.ScheduleAsync("Halves", 2 * Half, "halves");
                await Eventually.HoldsAsync(async () =>
                    (await engine.Hub.GetAsync("halves", true))?.Input == $"{Half}"
                    && (await engine.Hub.ReadHistoryAsync("halves")).Count > 0
                );
            }
        );
        long second = await RowsRead.ByAsync(
            database,
            "testhub",
            async () =>
            {
                await using TestEngine engine = await TestEngine.StartAsync(app, database, settings);
                await engine.RaiseAsync("halves", "go on", "x");
                Assert.Equal(OrchestrationRuntimeStatus.Completed, (await engine.EndAsync("halves", 60)).Status);
            }
        );

        Assert.InRange(first, Half, 100 * Half);
        Assert.InRange(second, 0, first * 3 / 2);
    }

    [Fact]
    public async Task Histories_within_the_limit_and_new_executions_continue()
    {
        await using TestEngine engine = await TestEngine.StartAsync(
            App(),
            settings: new HubSettings
            {
                HubName = "TestHub",
                ExtendedSessions = true,
                LongHistory = 20,
                MaxHistoryEvents = 60,
            }
        );

        Assert.Equal("\"done\"", (await engine.RunAsync("Loop", 25)).Output); // 1 + 2 × 25 + 1 events
        Assert.Equal("\"done\"", (await engine.RunAsync("Anew", 80)).Output);
        Assert.Single(engine.Log.Lines, line => line.Contains("The history of", StringComparison.Ordinal));
    }
}
