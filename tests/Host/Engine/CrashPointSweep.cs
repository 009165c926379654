using System.Collections.Concurrent;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Engine;

/// <summary>The store fails at its 1st, 2nd, 3rd … operation, once before it and once after its commit (the reply is lost), until a
/// scenario runs through without meeting the fault. Each time the outcome is the one of an undisturbed run, and each activity's result is
/// used once.</summary>
public sealed class CrashPointSweep
{
    private static readonly ConcurrentDictionary<string, int> Attempts = new();

    public static IEnumerable<object[]> Scenarios =>
        from scenario in (string[])["chain", "fan-out", "retry", "child", "events", "continue"]
        from after in (bool[])[false, true]
        select new object[] { scenario, after };

    [Theory, MemberData(nameof(Scenarios))]
    public async Task A_store_that_fails_anywhere_changes_nothing(string scenario, bool after)
    {
        string database = await PostgresServer.CreateDatabaseAsync();
        int operations = int.MaxValue;
        for (int failing = 1; failing <= operations && failing < 60; failing++)
        {
            int seen = 0;
            bool failed = false;
            string where = "none";
            string id = $"{scenario}-{failing}-{Guid.NewGuid():N}";
            void Probe(StorePoint point)
            {
                if (point.After == after && Interlocked.Increment(ref seen) == failing)
                {
                    failed = true;
                    where = point.Operation;
                    throw new NpgsqlException($"injected at operation {failing} ({point.Operation})");
                }
            }

            await using TestEngine engine = await TestEngine.StartAsync(
                App(),
                database,
                new HubSettings
                {
                    HubName = "TestHub",
                    ExtendedSessions = true,
                    RenewEvery = TimeSpan.FromMilliseconds(200),
                }
            );
            engine.Database.Probe = Probe;
            string output;
            try
            {
                output = await RunAsync(engine, scenario, id);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"{scenario} hung after a fault at operation {failing} ({where})");
                throw;
            }

            engine.Database.Probe = null;
            Assert.Equal(Expected(scenario), output);
            await NothingIsLeftAsync(engine, id);
            if (!failed)
            {
                operations = failing;
            }
        }

        Assert.InRange(operations, 3, 59);
    }

    internal static ScenarioRuntime App() =>
        new ScenarioRuntime()
            .Activity<int, int>("Double", number => Task.FromResult(number * 2))
            .Activity<string, string>(
                "Flaky",
                key =>
                    Attempts.AddOrUpdate(key, 1, (_, n) => n + 1) < 2 ? throw new TimeoutException("first time") : Task.FromResult("done")
            )
            .Orchestrator(
                "chain",
                async context =>
                {
                    int value = 1;
                    for (int i = 0; i < 3; i++)
                    {
                        value = await context.CallActivityAsync<int>("Double", value);
                    }

                    return value;
                }
            )
            .Orchestrator(
                "fan-out",
                async context =>
                    (await Task.WhenAll(Enumerable.Range(0, 10).Select(i => context.CallActivityAsync<int>("Double", i)))).Sum()
            )
            .Orchestrator(
                "retry",
                context =>
                    context.CallActivityAsync<string>(
                        "Flaky",
                        context.InstanceId,
                        TaskOptions.FromRetryPolicy(new RetryPolicy(3, TimeSpan.FromMilliseconds(20)))
                    )
            )
            .Orchestrator(
                "child",
                async context => await context.CallSubOrchestratorAsync<int>("chain") + await context.CallSubOrchestratorAsync<int>("chain")
            )
            .Orchestrator(
                "events",
                async context => await context.WaitForExternalEvent<int>("a") + await context.WaitForExternalEvent<int>("b")
            )
            .Orchestrator(
                "continue",
                async context =>
                {
                    int[] state = context.GetInput<int[]>() ?? [3, 0];
                    state[1] += await context.CallActivityAsync<int>("Double", state[0]);
                    if (--state[0] > 0)
                    {
                        context.ContinueAsNew(state);
                    }

                    return state[1];
                }
            );

    private static string Expected(string scenario) =>
        scenario switch
        {
            "chain" => "8", // 1 × 2 × 2 × 2
            "fan-out" => "90", // 2 × (0 + 1 + … + 9)
            "retry" => "\"done\"",
            "child" => "16",
            "events" => "42",
            _ => "12", // 2 × (3 + 2 + 1)
        };

    private static async Task<string> RunAsync(TestEngine engine, string scenario, string id)
    {
        StartRequest request = new(id, scenario, null);
        StartOutcome started = await AgainAsync(() => engine.Hub.StartAsync(request));
        Assert.True(started.Started);
        if (scenario == "events")
        {
            // A client whose reply was lost cannot know whether its event arrived; events are sent once per accepted call, so send and
            // look.
            await AgainAsync(() => engine.RaiseAsync(id, "a", 2), seen: () => HasEventAsync(engine, id, "a"));
            await AgainAsync(() => engine.RaiseAsync(id, "b", 40), seen: () => HasEventAsync(engine, id, "b"));
        }

        InstanceRecord run = await AgainAsync(() => engine.EndAsync(id));
        Assert.True(run.Status == OrchestrationRuntimeStatus.Completed, $"{id}: {run.Status} {run.Output}");
        return run.Output!;
    }

    private static async Task<bool> HasEventAsync(TestEngine engine, string id, string name)
    {
        await using NpgsqlCommand command = engine.Database.Source.CreateCommand(
            """
            SELECT (SELECT count(*) FROM inbox WHERE instance_id = $1 AND name = $2)
                 + (SELECT count(*) FROM instances i JOIN history h USING (run_no) WHERE i.instance_id = $1 AND h.kind = 41 AND h.name = $2)
            """
        );
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        return (long)(await command.ExecuteScalarAsync())! > 0;
    }

    private static async Task<T> AgainAsync<T>(Func<Task<T>> call, Func<Task<bool>>? seen = null)
    {
        try
        {
            return await call();
        }
        catch (NpgsqlException e) when (e.Message.StartsWith("injected", StringComparison.Ordinal))
        {
            return seen is not null && await seen() ? default! : await call();
        }
    }

    /// <summary>No message, no activity, and one result per call in the history.</summary>
    private static async Task NothingIsLeftAsync(TestEngine engine, string id)
    {
        await using NpgsqlCommand command = engine.Database.Source.CreateCommand(
            "SELECT (SELECT count(*) FROM inbox WHERE instance_id = $1) + (SELECT count(*) FROM activities WHERE instance_id = $1)"
        );
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id });
        Assert.Equal(0L, await command.ExecuteScalarAsync());
        IReadOnlyList<HistoryEvent> history = await engine.Hub.ReadHistoryAsync(id);
        int[] answered =
        [
            .. history
                .Where(e =>
                    e.Kind
                        is EventKind.TaskCompleted
                            or EventKind.TaskFailed
                            or EventKind.TimerFired
                            or EventKind.SubOrchestrationInstanceCompleted
                )
                .Select(e => e.TaskId),
        ];
        Assert.Equal(answered.Distinct().Count(), answered.Length);
    }
}
