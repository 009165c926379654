using Durable.Host.Engine;
using Durable.Host.History;
using Durable.Host.Store;
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
        ScenarioRuntime runtime = new ScenarioRuntime().Orchestrator(
            "Both",
            async context => (await Task.WhenAll(context.CallActivityAsync<int>("Step"), context.CallActivityAsync<int>("Step"))).Sum()
        );
        EngineTools tools = new(
            runtime,
            new JsonDataConverter(),
            NullLoggerFactory.Instance,
            new HubSettings { HubName = "TestHub", ExtendedSessions = true }
        );
        LoadedInstance loaded = new()
        {
            InstanceId = "one",
            RunNo = 7,
            ExecutionId = Guid.NewGuid(),
            Name = "Both",
            Status = OrchestrationRuntimeStatus.Running,
            HistoryLength = 3,
            TurnNo = 1,
            Handled = 1,
            Epoch = 4,
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

        session.AddMail([
            new Mail("one", 7, 2, 4, 2, new MailItem(31, 7, new HistoryEvent(EventKind.TaskCompleted, 0, default, "Step", "1"))),
        ]);
        TurnWrite last = session.Turns.Build(session.Take(out release)!, release, Noon, tools)!;
        Assert.Equal(2, last.Handled);
        Assert.Equal([31L], last.Consumed);
        Assert.Equal((OrchestrationRuntimeStatus.Completed, "3"), (last.Status, last.Output));
    }

    [Fact]
    public void A_read_that_began_before_the_commit_of_a_turn_does_not_bring_its_messages_again()
    {
        ScenarioRuntime runtime = new ScenarioRuntime().Orchestrator(
            "Gather",
            async context =>
            {
                await context.WaitForExternalEvent<string>("item");
                await context.WaitForExternalEvent<string>("item");
                return await context.WaitForExternalEvent<string>("item");
            }
        );
        EngineTools tools = new(
            runtime,
            new JsonDataConverter(),
            NullLoggerFactory.Instance,
            new HubSettings { HubName = "TestHub", ExtendedSessions = true }
        );
        LoadedInstance loaded = new()
        {
            InstanceId = "one",
            RunNo = 7,
            ExecutionId = Guid.NewGuid(),
            Name = "Gather",
            Status = OrchestrationRuntimeStatus.Running,
            HistoryLength = 1,
            TurnNo = 1,
            Handled = 1,
            Epoch = 4,
        };
        loaded.AddHistory(new HistoryEvent(EventKind.ExecutionStarted, -1, Noon, "Gather"));
        using OrchestrationSession session = new(loaded, new HubClock(), _ => Task.CompletedTask);
        Mail first = Item(31, sent: 2, turnNo: 1);
        Assert.Equal([31L], TurnOver(first));

        Assert.Empty(TurnOver(first)); // read again by a look that began before the first turn was written
        Assert.Equal([32L], TurnOver(first, Item(32, sent: 3, turnNo: 1)));
        Assert.Equal([33L], TurnOver(Item(33, sent: 4, turnNo: 3)));

        IReadOnlyList<long> TurnOver(params Mail[] mail)
        {
            session.AddMail(mail);
            if (session.Take(out bool release) is not { } taken || session.Turns.Build(taken, release, Noon, tools) is not { } write)
            {
                return [];
            }

            session.Turns.Applied(write, tools);
            session.Consumed(write);
            return write.Consumed;
        }

        static Mail Item(long messageId, long sent, long turnNo) =>
            new(
                "one",
                7,
                sent,
                4,
                turnNo,
                new MailItem(messageId, null, new HistoryEvent(EventKind.EventRaised, -1, default, "item", "\"x\""))
            );
    }
}
