using Durable.Host.Functions;
using Durable.Host.Replay;
using Durable.Orchestrations.Climate;
using Durable.Tests.AzureHost;
using Durable.Tests.AzureHost.Hub;
using Google.Protobuf;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Converters;
using Microsoft.DurableTask.Protobuf;
using Microsoft.DurableTask.Worker.Grpc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Durable.Tests.Host.Replay;

/// <summary>The golden histories turn by turn, in this process as the embedded host runs them: each turn asks for what it asked for when it
/// was recorded, inputs included. A change that an instance under way would not survive fails here by the turn.</summary>
public sealed class GoldenTurnTests
{
    private static readonly FunctionRuntime App = new ServiceCollection()
        .AddLogging()
        .AddFunctionModel(FunctionCatalog.FromAssemblies([typeof(HazardBatch).Assembly]), new FunctionPipeline([]))
        .BuildServiceProvider()
        .GetRequiredService<FunctionRuntime>(); // orchestrators are static: nothing has to be registered for them

    public static IEnumerable<object[]> Orchestrators => App.OrchestratorNames.Select(name => new object[] { name });

    [Theory, MemberData(nameof(Orchestrators))]
    public void Each_turn_asks_for_what_it_asked_for(string orchestrator)
    {
        GoldenHistory golden = GoldenHistory.Read(orchestrator);
        HistoryEvent[] history = [.. golden.Request.PastEvents, .. golden.Request.NewEvents];
        int[] turns = [.. history.Index().Where(e => e.Item.OrchestratorStarted is not null).Select(e => e.Index)];
        for (int turn = 0; turn < turns.Length; turn++)
        {
            HistoryEvent[] events = history[turns[turn]..(turn + 1 < turns.Length ? turns[turn + 1] : history.Length)];
            OrchestratorResponse response = Run(golden, history[..turns[turn]], events.Where(e => !IsStep(e)));
            string[] asked = [.. response.Actions.Select(Events.Of).OfType<HistoryEvent>().Select(Text).Order(StringComparer.Ordinal)];

            Assert.True(
                events.Where(IsStep).Select(Text).Order(StringComparer.Ordinal).SequenceEqual(asked),
                $"Turn {turn + 1} of {orchestrator} asked for {string.Join('\n', asked)}\nrecorded is {string.Join('\n', events.Where(IsStep).Select(Text))}"
            );
            Assert.Equal(turn == turns.Length - 1, response.Actions.Any(action => action.CompleteOrchestration is not null));
            if (turn == turns.Length - 1)
                Assert.Equal(golden.Response.Actions, response.Actions);
        }
    }

    [Theory, MemberData(nameof(Orchestrators))]
    public void A_history_of_other_code_is_found_out(string orchestrator)
    {
        GoldenHistory golden = GoldenHistory.Read(orchestrator);
        HistoryEvent step = golden.Request.PastEvents.First(e =>
            e.TaskScheduled is not null || e.SubOrchestrationInstanceCreated is not null
        );
        if (step.TaskScheduled is { } task)
            task.Name = "SomethingElse";
        else
            step.SubOrchestrationInstanceCreated.Name = "SomethingElse";

        Microsoft.DurableTask.Protobuf.TaskFailureDetails failure = Run(golden, golden.Request.PastEvents, golden.Request.NewEvents)
            .Actions.Single(a => a.CompleteOrchestration is not null)
            .CompleteOrchestration.FailureDetails;

        Assert.Equal(typeof(global::DurableTask.Core.Exceptions.NonDeterministicOrchestrationException).FullName, failure.ErrorType);
        Assert.Contains("SomethingElse", failure.ErrorMessage, StringComparison.Ordinal);
    }

    private static OrchestratorResponse Run(GoldenHistory golden, IEnumerable<HistoryEvent> past, IEnumerable<HistoryEvent> happened)
    {
        OrchestratorRequest request = new()
        {
            InstanceId = golden.Request.InstanceId,
            ExecutionId = golden.Request.ExecutionId,
            PastEvents = { past },
            NewEvents = { happened },
        };
        string? input = golden
            .Request.PastEvents.Concat(golden.Request.NewEvents)
            .First(e => e.ExecutionStarted is not null)
            .ExecutionStarted.Input;
        string answer = GrpcOrchestrationRunner.LoadAndRun(
            Convert.ToBase64String(request.ToByteArray()),
            new Code(golden.Orchestrator, input),
            new ReplayHost(JsonDataConverter.Default, NullLoggerFactory.Instance)
        );
        return OrchestratorResponse.Parser.ParseFrom(Convert.FromBase64String(answer));
    }

    /// <summary>What a turn left in the history by itself.</summary>
    private static bool IsStep(HistoryEvent e) =>
        e.TaskScheduled is not null
        || e.TimerCreated is not null
        || e.SubOrchestrationInstanceCreated is not null
        || e.EventSent is not null;

    private static string Text(HistoryEvent e)
    {
        HistoryEvent timeless = e.Clone();
        timeless.Timestamp = null;
        return JsonFormatter.Default.Format(timeless);
    }

    /// <summary>An orchestrator function of the app, with the context the embedded host gives it.</summary>
    private sealed class Code(string orchestrator, string? input) : ITaskOrchestrator
    {
        public Type InputType => typeof(object);

        public Type OutputType => typeof(object);

        public Task<object?> RunAsync(TaskOrchestrationContext context, object? _) =>
            App.InvokeOrchestratorAsync(
                orchestrator,
                new OrchestrationContext(context, input, JsonDataConverter.Default, NullLoggerFactory.Instance),
                input
            );
    }
}
