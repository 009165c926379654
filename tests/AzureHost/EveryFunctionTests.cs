using Durable.Tests.AzureHost.Calls;
using Durable.Tests.AzureHost.Worker;
using Durable.Tests.Fixtures;
using Durable.Tests.Pipelines.Returns;

namespace Durable.Tests.AzureHost;

/// <summary>The app's output under the official worker, with the driver in the place of the Azure Functions host: nothing of the embedded host takes part.</summary>
public sealed class EveryFunctionTests(AwsSandbox sandbox, MlflowServer mlflow) : IClassFixture<AwsSandbox>, IClassFixture<MlflowServer>
{
    [TorchFact]
    public async Task Every_function_of_the_output_is_loaded_and_called_by_the_official_worker()
    {
        await using DriverWorld world = await DriverWorld.StartAsync(sandbox, mlflow);
        FunctionsWorker worker = world.Host.Worker;
        Assert.Equal(
            AppOutput.Functions().Select(function => function.GetProperty("name").GetString()!).Order(StringComparer.Ordinal), worker.Functions.Keys.Order(StringComparer.Ordinal));

        await Task.WhenAll(ClimateCalls.RunAsync(world), PotholeCalls.RunAsync(world), SpotCalls.RunAsync(world), ReturnsCalls.RunAsync(world), BenchmarkCalls.RunAsync(world));

        GoldenHistory.RecordIfAsked(world.Host.Hub);
        Assert.True(!worker.Uncalled.Any(), "Nobody has called " + string.Join(", ", worker.Uncalled));
        Assert.Equal(0, await world.Host.StopAsync());
    }
}
