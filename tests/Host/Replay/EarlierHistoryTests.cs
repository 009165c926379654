using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Engine;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Replay;

/// <summary>Unfinished runs of builds whose replay was their own: what they wrote goes on in this one, or is refused with the step and the
/// remedy.</summary>
public sealed class EarlierHistoryTests
{
    private static readonly DateTime Begun = new(2026, 11, 20, 8, 0, 0, DateTimeKind.Utc);
    private volatile bool broken = true;

    [Fact]
    public async Task A_wait_after_the_last_attempt_is_the_SDKs_timer_and_continues()
    {
        (TestEngine engine, string id) = await ResumeAsync(
            Failed(0),
            Wait(1),
            Fired(1),
            Scheduled(2, "Flaky", retryOf: 0),
            Failed(2),
            Wait(3)
        ); // the last wait is due
        await using TestEngine _ = engine;
        await Eventually.HoldsAsync(async () =>
            (await engine.Hub.ReadHistoryAsync(id)).Any(e => e is { Kind: EventKind.TaskScheduled, TaskId: 4 })
        );
        await engine.RaiseAsync(id, "go", "on");

        Assert.Equal("\"gave up, noted, on\"", (await engine.EndAsync(id)).Output);
    }

    [Fact]
    public async Task A_last_attempt_that_its_policy_refused_names_the_remedy_a_rewind()
    {
        (TestEngine engine, string id) = await ResumeAsync(
            Failed(0),
            Wait(1),
            Fired(1),
            Scheduled(2, "Flaky", retryOf: 0),
            Failed(2, typeof(ArgumentException)),
            Scheduled(3, "Note"),
            Completed(3, "\"noted\"")
        );
        await using TestEngine _ = engine;
        await engine.RaiseAsync(id, "go", "on");
        InstanceRecord refused = await engine.EndAsync(id);

        Assert.Equal(OrchestrationRuntimeStatus.Failed, refused.Status);
        Assert.StartsWith("DurableTask.Core.Exceptions.NonDeterministicOrchestrationException", refused.Output, StringComparison.Ordinal);
        Assert.Contains("sequence number 3", refused.Output, StringComparison.Ordinal);
        Assert.Contains("begun by an earlier build", refused.Output, StringComparison.Ordinal);
        Assert.Contains("Rewind the instance", refused.Output, StringComparison.Ordinal);

        broken = false;
        Assert.Equal(SendResult.Accepted, (await engine.TellAsync(id, EventKind.ExecutionRewound, "new build")).Result);
        await Eventually.HoldsAsync(async () => (await engine.Hub.GetAsync(id, false))!.Status == OrchestrationRuntimeStatus.Completed);
        Assert.Equal("\"up, noted, on\"", (await engine.Hub.GetAsync(id, true))!.Output);
    }

    private ScenarioRuntime App() =>
        new ScenarioRuntime()
            .Activity<string, string>("Flaky", _ => broken ? throw new ArgumentException("still down") : Task.FromResult("up"))
            .Activity<string, string>("Note", _ => Task.FromResult("noted"))
            .Orchestrator(
                "Earlier",
                async context =>
                {
                    RetryPolicy policy = new(2, TimeSpan.FromSeconds(1))
                    {
                        HandleFailure = failure => !failure.IsCausedBy<ArgumentException>(),
                    };
                    string outcome;
                    try
                    {
                        outcome = await context.CallActivityAsync<string>("Flaky", "x", TaskOptions.FromRetryPolicy(policy));
                    }
                    catch (TaskFailedException)
                    {
                        outcome = "gave up";
                    }

                    return $"{outcome}, {await context.CallActivityAsync<string>("Note", "y")}, {await context.WaitForExternalEvent<string>("go")}";
                }
            );

    private static HistoryEvent Scheduled(int taskId, string name, int? retryOf = null) =>
        new(EventKind.TaskScheduled, taskId, Begun, name, null, retryOf is null ? null : new EventDetail { RetryOf = retryOf });

    private static HistoryEvent Failed(int taskId, Type? type = null) =>
        new(
            EventKind.TaskFailed,
            taskId,
            Begun,
            "Flaky",
            "Function 'Flaky' failed with an unhandled exception.",
            new EventDetail { Failure = new FailureInfo((type ?? typeof(TimeoutException)).FullName!, "down") }
        );

    private static HistoryEvent Completed(int taskId, string result) => new(EventKind.TaskCompleted, taskId, Begun, null, result);

    private static HistoryEvent Wait(int taskId) =>
        new(EventKind.TimerCreated, taskId, Begun, null, null, new EventDetail { FireAt = Begun.AddSeconds(1), RetryOf = 0 });

    private static HistoryEvent Fired(int taskId) =>
        new(EventKind.TimerFired, taskId, Begun, null, null, new EventDetail { FireAt = Begun.AddSeconds(1) });

    /// <summary>A host that finds an unfinished run with this history.</summary>
    private async Task<(TestEngine Engine, string Id)> ResumeAsync(params HistoryEvent[] happened)
    {
        string database = await PostgresServer.CreateDatabaseAsync(),
            id = Guid.NewGuid().ToString("N");
        await using (TestEngine earlier = await TestEngine.StartAsync(App(), database))
        {
            await earlier.Hub.StartAsync(new StartRequest(id, "Earlier", null, StartAt: DateTimeOffset.UtcNow.AddDays(1)));
            HistoryEvent[] history = [new(EventKind.ExecutionStarted, -1, Begun, "Earlier"), Scheduled(0, "Flaky"), .. happened];
            await using NpgsqlCommand write = earlier.Database.Source.CreateCommand(
                """
                WITH run AS (
                    UPDATE instances SET status = 0, scheduled_start = NULL, due_at = now(), history_length = cardinality($2::int[])
                    WHERE instance_id = $1 RETURNING run_no)
                INSERT INTO history (run_no, sequence, kind, task_id, at, name, data, detail)
                SELECT run_no, u.* FROM run, unnest($2::int[], $3::smallint[], $4::int[], $5::timestamptz[], $6::text[], $7::text[],
                    $8::text[]) u
                """
            );
            write.Parameters.Add(new() { Value = id });
            write.Parameters.Add(new() { Value = Enumerable.Range(0, history.Length).ToArray() });
            write.Parameters.Add(new() { Value = history.Select(e => (short)e.Kind).ToArray() });
            write.Parameters.Add(new() { Value = history.Select(e => e.TaskId).ToArray() });
            write.Parameters.Add(new() { Value = history.Select(e => e.At).ToArray() });
            write.Parameters.Add(new() { Value = history.Select(e => e.Name).ToArray() });
            write.Parameters.Add(new() { Value = history.Select(e => e.Data).ToArray() });
            write.Parameters.Add(new() { Value = history.Select(e => HubJson.Write(e.Detail)).ToArray() });
            Assert.Equal(history.Length, await write.ExecuteNonQueryAsync());
        }

        return (await TestEngine.StartAsync(App(), database), id);
    }
}
