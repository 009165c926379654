using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Host.History;
using Durable.Host.Replay;
using Durable.Orchestrations.Pothole;
using Durable.Pipelines.Pothole;
using Durable.Tests.Host.Engine;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Converters;
using Microsoft.Extensions.Logging.Abstractions;

namespace Durable.Tests.Host.Replay;

/// <summary>Runs recorded by an earlier build replay in this one: what history holds is a promise. A changed orchestrator must be found
/// out.</summary>
/// <remarks>To add a recording set DURABLE_RECORD_HISTORIES to a folder and run the tests that call
/// <see cref="RecordAsync"/>: they write there what their orchestrators do today.</remarks>
public sealed class RecordedHistoryTests
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Converters = { new JsonStringEnumConverter() },
    };

    public static IEnumerable<object[]> Recorded =>
        Directory
            .GetFiles(Path.Combine(AppContext.BaseDirectory, "Histories"), "*.json")
            .Order(StringComparer.Ordinal)
            .Select(f => new object[] { Path.GetFileName(f) });

    [Theory, MemberData(nameof(Recorded))]
    public void A_recorded_run_replays_to_its_recorded_end(string file)
    {
        List<HistoryEvent> history = Read(file);
        TurnEnding? ending = Replay(history, Orders(newCode: false));

        EventDetail end = history[^1].Detail!;
        Assert.NotNull(ending);
        Assert.Equal(end.Failure?.ErrorType, ending.Failed?.ErrorType);
        if (end.Failure is null)
        {
            Assert.Equal(history[^1].Data, ending.Output);
        }
    }

    [Fact]
    public void Changed_code_does_not_replay_and_both_names_are_reported()
    {
        FailureInfo failure = Replay(Read("order-1.json"), Orders(newCode: true))!.Failed!;

        Assert.Equal(typeof(global::DurableTask.Core.Exceptions.NonDeterministicOrchestrationException).FullName, failure.ErrorType);
        Assert.Contains("named 'Reserve'", failure.ErrorMessage, StringComparison.Ordinal);
        Assert.Contains("named 'Charge'", failure.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_recordings_can_be_repeated()
    {
        await using TestEngine engine = await TestEngine.StartAsync(Orders(newCode: false));
        string id = await engine.ScheduleAsync("Order", 3);
        await engine.RaiseAsync(id, "paid", true);
        await engine.EndAsync(id);
        string failing = (await engine.RunAsync("Order", -1)).InstanceId;
        foreach ((string name, string instance) in ((string, string)[])[("order-1.json", id), ("order-failed-1.json", failing)])
        {
            List<HistoryEvent> history = await RecordAsync(engine, instance, name);
            Assert.Equal(history[^1].Detail!.Failure?.ErrorType, Replay(history, Orders(newCode: false))!.Failed?.ErrorType);
        }
    }

    /// <summary>Reads the history of an instance, and keeps it when recordings are asked for.</summary>
    internal static async Task<List<HistoryEvent>> RecordAsync(TestEngine engine, string instance, string file)
    {
        List<HistoryEvent> history = [.. await engine.Hub.ReadHistoryAsync(instance)];
        if (Environment.GetEnvironmentVariable("DURABLE_RECORD_HISTORIES") is { Length: > 0 } folder)
            await File.WriteAllTextAsync(Path.Combine(folder, file), JsonSerializer.Serialize(history, Json) + "\n");
        return history;
    }

    /// <summary>Lines reserved in parallel, a retried charge, a wait with a time limit, a child, a cleanup; and the pothole day, as the app
    /// has it.</summary>
    private static ScenarioRuntime Orders(bool newCode) =>
        new ScenarioRuntime()
            .Activity<int, int>("Reserve", line => line < 0 ? throw new ArgumentException("no such line") : Task.FromResult(line * 10))
            .Activity<int, string>("Charge", amount => Task.FromResult($"charged {amount}"))
            .Activity<string, string>("Release", reason => Task.FromResult("released"))
            .Orchestrator(nameof(PotholePipeline), context => PotholePipeline.RunAsync(context, context.GetInput<PotholeRequest>()!))
            .Orchestrator("Ship", async context => await context.CallActivityAsync<int>("Reserve", context.GetInput<int>()))
            .Orchestrator(
                "Order",
                async context =>
                {
                    int lines = context.GetInput<int>();
                    try
                    {
                        IEnumerable<int> numbers = lines < 0 ? [lines] : Enumerable.Range(1, lines);
                        int[] reserved = newCode
                            ?
                            [
                                .. await Task.WhenAll(
                                    numbers.Select(async line => (await context.CallActivityAsync<string>("Charge", line)).Length)
                                ),
                            ]
                            : await Task.WhenAll(
                                numbers.Select(line =>
                                    context.CallActivityAsync<int>(
                                        "Reserve",
                                        line,
                                        TaskOptions.FromRetryPolicy(new RetryPolicy(2, TimeSpan.FromMilliseconds(10)))
                                    )
                                )
                            );
                        bool paid = await context.WaitForExternalEvent<bool>("paid", TimeSpan.FromMinutes(5));
                        string charge = await context.CallActivityAsync<string>("Charge", reserved.Sum());
                        return $"{charge} {paid} {await context.CallSubOrchestratorAsync<int>("Ship", 7)}";
                    }
                    finally
                    {
                        await context.CallActivityAsync<string>("Release", "end");
                    }
                }
            );

    /// <summary>Replays all but the last thing that happened, then that as a turn.</summary>
    private static TurnEnding? Replay(List<HistoryEvent> history, ScenarioRuntime code)
    {
        HistoryEvent start = history.First(e => e.Kind == EventKind.ExecutionStarted);
        using OrchestrationExecutor executor = new(
            new ReplayHeader("recorded", "1", start.Name!, start.Detail?.Version, start.Data, start.Detail?.Parent),
            code,
            new ReplayHost(new JsonDataConverter(), NullLoggerFactory.Instance)
        );
        int last = history.FindLastIndex(e => e.Kind is EventKind.TaskCompleted or EventKind.TaskFailed);
        executor.Replay(history[..last]);
        return executor.Run([history[last]]).Ending;
    }

    private static List<HistoryEvent> Read(string file) =>
        JsonSerializer.Deserialize<List<HistoryEvent>>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Histories", file)), Json)!;
}
