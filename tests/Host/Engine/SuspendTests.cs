using Durable.Host.History;
using Durable.Host.Store;
using Microsoft.DurableTask.Client;
using Npgsql;

namespace Durable.Tests.Host.Engine;

/// <summary>Suspend and resume where nothing has run yet, and one after the other.</summary>
public sealed class SuspendTests
{
    private static ScenarioRuntime App() =>
        new ScenarioRuntime().Orchestrator("Listen", async context => await context.WaitForExternalEvent<string>("go"));

    [Fact]
    public async Task A_scheduled_instance_can_be_suspended_and_resumed_before_its_time()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        DateTimeOffset at = new(2037, 5, 1, 6, 0, 0, TimeSpan.Zero);
        await engine.Hub.StartAsync(new StartRequest("later", "Listen", null, StartAt: at));

        Assert.Equal(SendResult.Accepted, (await engine.TellAsync("later", EventKind.ExecutionSuspended, "hold")).Result);
        InstanceRecord suspended = (await engine.Hub.GetAsync("later", payloads: true))!;
        Assert.Equal((OrchestrationRuntimeStatus.Suspended, "hold"), (suspended.Status, suspended.Output));
        Assert.Equal(
            new SendOutcome(SendResult.WrongState, OrchestrationRuntimeStatus.Suspended),
            await engine.TellAsync("later", EventKind.ExecutionSuspended)
        );

        Assert.Equal(SendResult.Accepted, (await engine.TellAsync("later", EventKind.ExecutionResumed, "on")).Result);
        InstanceRecord resumed = (await engine.Hub.GetAsync("later", payloads: true))!;
        Assert.Equal((OrchestrationRuntimeStatus.Pending, "on", at), (resumed.Status, resumed.Output, resumed.ScheduledStart));
        Assert.Equal(
            new SendOutcome(SendResult.WrongState, OrchestrationRuntimeStatus.Pending),
            await engine.TellAsync("later", EventKind.ExecutionResumed)
        );
        await using NpgsqlCommand due = engine.Database.Source.CreateCommand("SELECT due_at FROM instances WHERE instance_id = 'later'");
        Assert.Equal(at.UtcDateTime, await due.ExecuteScalarAsync());
    }

    [Fact]
    public async Task A_suspended_scheduled_instance_starts_only_when_it_is_resumed()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        foreach (string id in (string[])["resumed", "ended"])
        {
            await engine.Hub.StartAsync(new StartRequest(id, "Listen", null, StartAt: DateTimeOffset.UtcNow.AddSeconds(3)));
            Assert.Equal(SendResult.Accepted, (await engine.TellAsync(id, EventKind.ExecutionSuspended)).Result);
        }

        await Task.Delay(TimeSpan.FromSeconds(3.3));
        Assert.Equal(SendResult.Accepted, (await engine.RaiseAsync("resumed", "go", "kept")).Result);
        await Task.Delay(200); // the event wakes it; nothing may run for it
        Assert.Empty(await engine.Hub.ReadHistoryAsync("resumed"));
        Assert.Equal(OrchestrationRuntimeStatus.Suspended, (await engine.Hub.GetAsync("resumed", false))!.Status);

        Assert.Equal(SendResult.Accepted, (await engine.TellAsync("resumed", EventKind.ExecutionResumed)).Result);
        Assert.Equal("\"kept\"", (await engine.EndAsync("resumed")).Output);
        Assert.Equal(SendResult.Accepted, (await engine.TellAsync("ended", EventKind.ExecutionTerminated, "enough")).Result);
        Assert.Equal(OrchestrationRuntimeStatus.Terminated, (await engine.EndAsync("ended")).Status);
    }

    [Fact]
    public async Task A_resume_right_after_a_suspend_is_accepted_and_a_second_suspend_is_not()
    {
        await using TestEngine engine = await TestEngine.StartAsync(App());
        string id = await engine.ScheduleAsync("Listen");
        await engine.Hub.WaitAsync(id, completion: false, payloads: false);
        for (int round = 0; round < 5; round++)
        {
            Assert.Equal(SendResult.Accepted, (await engine.TellAsync(id, EventKind.ExecutionSuspended)).Result);
            Assert.Equal(SendResult.WrongState, (await engine.TellAsync(id, EventKind.ExecutionSuspended)).Result);
            Assert.Equal(SendResult.Accepted, (await engine.TellAsync(id, EventKind.ExecutionResumed)).Result);
            Assert.Equal(SendResult.WrongState, (await engine.TellAsync(id, EventKind.ExecutionResumed)).Result);
        }

        await engine.RaiseAsync(id, "go", "x");
        Assert.Equal("\"x\"", (await engine.EndAsync(id)).Output);
        IReadOnlyList<HistoryEvent> history = await engine.Hub.ReadHistoryAsync(id);
        Assert.Equal(
            (5, 5),
            (history.Count(e => e.Kind == EventKind.ExecutionSuspended), history.Count(e => e.Kind == EventKind.ExecutionResumed))
        );
    }
}
