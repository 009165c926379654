using Durable.Host.Engine;
using Durable.Host.History;
using Durable.Host.Store;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;
using Microsoft.Extensions.Logging.Abstractions;

namespace Durable.Tests.Host.Engine;

/// <summary>What a session marks as handled, between its load and the reading of its mail.</summary>
public sealed class OrchestrationSessionTests
{
    private static readonly DateTime Noon = new(2026, 3, 29, 12, 0, 0, DateTimeKind.Utc);

    [Fact]
    public void A_turn_that_runs_before_the_mail_is_read_does_not_mark_it_as_handled()
    {
        ScenarioRuntime runtime = new ScenarioRuntime().Orchestrator("Both", async context =>
            (await Task.WhenAll(context.CallActivityAsync<int>("Step"), context.CallActivityAsync<int>("Step"))).Sum());
        EngineTools tools = new(runtime, new JsonDataConverter(), NullLoggerFactory.Instance, new HubSettings { HubName = "TestHub", ExtendedSessions = true });
        LoadedInstance loaded = new()
        {
            InstanceId = "one", RunNo = 7, ExecutionId = Guid.NewGuid(), Name = "Both", Status = OrchestrationRuntimeStatus.Running,
            HistoryLength = 3, TurnNo = 1, Handled = 1, Epoch = 4,
        };
        loaded.AddHistory(new HistoryEvent(EventKind.ExecutionStarted, -1, Noon, "Both"));
        loaded.AddHistory(new HistoryEvent(EventKind.TaskScheduled, 0, Noon, "Step"));
        loaded.AddHistory(new HistoryEvent(EventKind.TaskScheduled, 1, Noon, "Step"));
        using OrchestrationSession session = new(loaded, new HubClock(), _ => Task.CompletedTask);

        // The store has a second message by now, which this host has not read; a local activity answers first.
        Assert.True(session.TryDeliver(7, new HistoryEvent(EventKind.TaskCompleted, 1, default, "Step", "2")));
        TurnWrite early = session.Turns.Build(session.Take(out bool release)!, release, Noon, tools)!;
        session.Turns.Applied(early, tools);
        Assert.Equal(1, early.Handled);
        Assert.Equal([1], early.FinishedActivities);

        session.AddMail([new Mail("one", 7, 2, 4, new MailItem(31, 7, new HistoryEvent(EventKind.TaskCompleted, 0, default, "Step", "1")))]);
        TurnWrite last = session.Turns.Build(session.Take(out release)!, release, Noon, tools)!;
        Assert.Equal(2, last.Handled);
        Assert.Equal([31L], last.Consumed);
        Assert.Equal((OrchestrationRuntimeStatus.Completed, "3"), (last.Status, last.Output));
    }
}
