using System.Collections.Concurrent;
using Durable.Activities.Operations;
using Durable.Host.Functions;
using Durable.Host.Store;
using Durable.Operations.Ledger;
using Durable.Orchestrations.Benchmark;
using Durable.Orchestrations.Climate;
using Durable.Orchestrations.Pothole;
using Durable.Orchestrations.Returns;
using Durable.Orchestrations.Spot;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Climate.Planning;
using Durable.Pipelines.Pothole;
using Durable.Pipelines.Returns;
using Durable.Pipelines.Spot;
using Durable.Tests.Fixtures;
using Durable.Tests.Host.Engine;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Durable.Tests.Orchestrations;

/// <summary>Every run that opens itself in the ledger closes itself there, also when its closing step fails for good.</summary>
public sealed class ClosingTests
{
    private static readonly Dictionary<string, object?> Runs = new()
    {
        [nameof(HazardBatch)] = ClimateRequest.Everything,
        [nameof(ProbabilityBatch)] = ClimateRequest.Everything,
        [nameof(PotholePipeline)] = new PotholeRequest("2026-02-12"),
        [nameof(SpotSlot)] = new SlotRequest("2026-02-12T10:00Z"),
        [nameof(SpotWorkload)] = new WorkloadRequest("2026-02-12"),
        [nameof(ReturnsTraining)] = new ReturnsRequest(),
        [nameof(ReturnsInference)] = null,
        [nameof(BenchmarkSuite)] = new BenchmarkRequest(["xgboost"]),
    };

    public static TheoryData<string> Names => [.. Runs.Keys];

    [Theory, MemberData(nameof(Names))]
    public async Task A_run_whose_steps_all_fail_closes_itself_with_the_first_error(string name)
    {
        FailingSteps steps = new();
        await using TestEngine engine = await TestEngine.StartAsync(steps);
        InstanceRecord run = await engine.EndAsync(await engine.ScheduleAsync(name, Runs[name]));

        Assert.Equal(OrchestrationRuntimeStatus.Failed, run.Status);
        Assert.Equal(nameof(CloseRun), steps.Taken.Last());
        string first = $"broken on purpose: {steps.Taken.First()}";
        Assert.Contains(first, steps.Closing, StringComparison.Ordinal);
        Assert.Contains(first, run.Failure!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void No_orchestration_that_names_a_run_is_left_out()
    {
        string[] named =
        [
            .. from file in Directory.EnumerateFiles(
                Path.Combine(Scripts.Terminal.Root, "Orchestrations"),
                "*.cs",
                SearchOption.AllDirectories
            )
            let text = File.ReadAllText(file)
            where
                text.Contains("RunLedger.RunId(", StringComparison.Ordinal)
                || text.Contains("new ClimateRun(", StringComparison.Ordinal)
                || text.Contains("ClimateRun run = new(", StringComparison.Ordinal)
            select Path.GetFileNameWithoutExtension(file),
        ];

        Assert.Equal(Runs.Keys.Order(), named.Order());
    }

    [Fact]
    public async Task A_closed_run_keeps_what_its_partitions_did_no_secret_and_no_claim()
    {
        string connection = await PostgresServer.CreateAppDatabaseAsync();
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(connection);
        RunLedger ledger = new(database);
        Partitions partitions = new(database);
        await ledger.BeginAsync("hazard-1/x", "hazard-1", "hazard", new { }, null, total: 3);
        await partitions.ClaimAsync("hazard", ["a", "b", "c"], "hazard-1/x");
        await partitions.RecordFailedAsync("hazard", "hazard-1/x", [new PartitionOutcome("b", 0, 0, 0, 0, "no rows")]);

        CloseRun close = new(ledger);
        await close.RunAsync(new RunToClose("hazard-1/x", "cannot write: password=hunter2"), CancellationToken.None);
        await close.RunAsync(new RunToClose("hazard-1/x", "another reason"), CancellationToken.None);
        await close.RunAsync(new RunToClose("never/opened", "no begin"), CancellationToken.None);

        RunRow run = Assert.Single(await new RunReader(database).ReadAsync(null));
        Assert.Equal((RunState.Failed, 3, 0, 1), (run.State, run.Total, run.Completed, run.Failed));
        Assert.StartsWith("cannot write", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", run.Error, StringComparison.Ordinal);
        Assert.All((await partitions.ReadAsync("hazard")).Values, partition => Assert.Null(partition.ClaimedBy));
        await using NpgsqlCommand news = database.CreateCommand(
            "SELECT string_agg(subject || '|' || body, ';') FROM operations.notifications"
        );
        string told = Assert.IsType<string>(await news.ExecuteScalarAsync());
        Assert.StartsWith("hazard failed|Run hazard-1/x: cannot write", told, StringComparison.Ordinal);
        Assert.DoesNotContain(';', told);
    }

    [Fact]
    public async Task A_run_that_is_found_ended_is_closed_with_one_notification()
    {
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
        RunLedger ledger = new(database);
        await ledger.BeginAsync("hazard-1/x", "hazard-1", "hazard", new { }, null, total: 3);
        await ledger.BeginAsync("hazard-2/x", "hazard-2", "hazard", new { }, null, total: 3);

        Task<string?> EndOf(string instanceId, CancellationToken _) => Task.FromResult(instanceId == "hazard-1" ? "Terminated" : null);
        Assert.Equal(1, await ledger.CloseEndedAsync(EndOf));
        Assert.Equal(0, await ledger.CloseEndedAsync(EndOf));

        await using NpgsqlCommand news = database.CreateCommand(
            "SELECT string_agg(dedupe_key || '|' || event || '|' || subject || '|' || body, ';') FROM operations.notifications"
        );
        Assert.Equal(
            "hazard-1/x:failed|failed|hazard failed|Run hazard-1/x: hazard-1 is Terminated: the run ended without closing itself.",
            await news.ExecuteScalarAsync()
        );
    }

    /// <summary>The app's orchestrations; of its activities, only the last resort works.</summary>
    private sealed class FailingSteps : IFunctionRuntime
    {
        private readonly FunctionRuntime functions = new ServiceCollection()
            .AddLogging()
            .AddFunctionModel(
                FunctionCatalog.FromTypes(
                    typeof(HazardBatch)
                        .Assembly.GetTypes()
                        .Where(type =>
                            type.Namespace is { } room
                            && (
                                room.StartsWith("Durable.Orchestrations", StringComparison.Ordinal)
                                || room.StartsWith("Durable.Activities", StringComparison.Ordinal)
                            )
                        )
                ),
                new FunctionPipeline([])
            )
            .BuildServiceProvider()
            .GetRequiredService<FunctionRuntime>();

        public ConcurrentQueue<string> Taken { get; } = [];

        public string Closing { get; private set; } = "";

        public IReadOnlyList<string> OrchestratorNames => functions.OrchestratorNames;

        public IReadOnlyList<string> ActivityNames => functions.ActivityNames;

        public bool HasOrchestrator(string name) => functions.HasOrchestrator(name);

        public bool HasActivity(string name) => functions.HasActivity(name);

        public Task<object?> InvokeOrchestratorAsync(string name, TaskOrchestrationContext context, string? input) =>
            functions.InvokeOrchestratorAsync(name, context, input);

        public Task<string?> InvokeActivityAsync(ActivityCall call, CancellationToken cancellation)
        {
            Taken.Enqueue(call.Name);
            if (call.Name != nameof(CloseRun))
                throw new ArgumentException($"broken on purpose: {call.Name}"); // permanent: no retry waits
            Closing = call.Input!;
            return Task.FromResult<string?>(null);
        }
    }
}
