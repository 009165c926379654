using Durable.Tests.AzureHost.Calls;
using Durable.Tests.AzureHost.Hub;
using Durable.Tests.AzureHost.Worker;
using Durable.Tests.Fixtures;
using Durable.Tests.Pipelines.Returns;
using Microsoft.DurableTask.Protobuf;

namespace Durable.Tests.AzureHost;

/// <summary>
/// The app's output under the official worker, with the driver in place of the Azure Functions host; the embedded host is not involved.
/// </summary>
public sealed class EveryFunctionTests(AwsSandbox sandbox, MlflowServer mlflow) : IClassFixture<AwsSandbox>, IClassFixture<MlflowServer>
{
    [TorchFact]
    public async Task Every_function_of_the_output_is_loaded_and_called_by_the_official_worker()
    {
        await using DriverWorld world = await DriverWorld.StartAsync(sandbox, mlflow);
        FunctionsWorker worker = world.Host.Worker;
        Assert.Equal(
            AppOutput.Functions().Select(function => function.GetProperty("name").GetString()!).Order(StringComparer.Ordinal),
            worker.Functions.Keys.Order(StringComparer.Ordinal)
        );

        await Task.WhenAll(
            ClimateCalls.RunAsync(world),
            PotholeCalls.RunAsync(world),
            SpotCalls.RunAsync(world),
            ReturnsCalls.RunAsync(world),
            BenchmarkCalls.RunAsync(world)
        );

        await ReplayAsync(world.Host);
        GoldenHistory.RecordIfAsked(world.Host.Hub);
        Assert.True(!worker.Uncalled.Any(), "Nobody has called " + string.Join(", ", worker.Uncalled));
        Assert.Equal(0, await world.Host.StopAsync());
    }

    /// <summary>The runs kept their code in memory between turns. A replay of the whole history must end in the same last turn.</summary>
    private static async Task ReplayAsync(AzureHostDriver host)
    {
        foreach (HubInstance run in host.Hub.Runs.Where(run => run.Status == OrchestrationStatus.Completed))
        {
            (OrchestratorRequest request, OrchestratorResponse response) = run.Turns[^1];
            OrchestratorResponse replayed = await host.Calls.TurnAsync(run.Name, request);
            Assert.True(response.Actions.Equals(replayed.Actions), $"{run.InstanceId} ended with {response}, replayed with {replayed}");
        }
    }
}
