using System.Diagnostics;
using Durable.Functions.Tides;
using Durable.Host.Functions;
using Durable.Host.History;
using Durable.Host.Store;
using Durable.Tests.Host.Engine;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Durable.Tests.Docs;

/// <summary>The pipeline of <c>docs/write-a-pipeline.md</c>, taken from the document by the build, does what the document says.</summary>
public sealed class WriteAPipelineTests
{
    private static readonly FunctionCatalog Catalog = FunctionCatalog.FromTypes([typeof(TideCount)]);

    [Fact]
    public async Task The_example_measures_five_stations_also_when_its_host_ends_in_between()
    {
        await using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddFunctionModel(Catalog, new FunctionPipeline([]))
            .BuildServiceProvider();
        FunctionRuntime functions = services.GetRequiredService<FunctionRuntime>();
        string connection;
        await using (TestEngine first = await TestEngine.StartAsync(functions))
        {
            connection = first.Connection;
            await first.ScheduleAsync(nameof(TideCount), id: "tide-1");
            await Fixtures.Eventually.HoldsAsync(async () =>
                (await first.Hub.ReadHistoryAsync("tide-1")).Any(e => e.Kind == EventKind.TaskCompleted)
            );
        }

        await using TestEngine second = await TestEngine.StartAsync(functions, connection);
        DateTime start = second.Clock.UtcNow;
        Stopwatch watch = Stopwatch.StartNew();
        InstanceRecord? run;
        do
        {
            second.Clock.Set(start + (watch.Elapsed * 60)); // its waits of 2 s pass in no time
            await Task.Delay(20);
            run = await second.Hub.GetAsync("tide-1", payloads: true);
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"It does not end: {run?.Status}");
        } while (run is not { CompletedAt: not null });

        Assert.Equal((OrchestrationRuntimeStatus.Completed, "150"), (run.Status, run.Output)); // 10 + 20 + 30 + 40 + 50
        Assert.Equal(5, (await second.Hub.ReadHistoryAsync("tide-1")).Count(e => e.Kind == EventKind.TaskCompleted)); // none is measured twice
    }

    [Fact]
    public void The_example_has_the_functions_that_the_document_names() =>
        Assert.Equal(
            ["MeasureTide Activity", "StartTideCount Timer", "TideCount Orchestrator"],
            Catalog.Functions.Select(function => $"{function.Name} {function.Kind}").Order(StringComparer.Ordinal)
        );
}
