using System.Net;
using System.Text.Json;

namespace Durable.Tests.AzureHost.Calls;

/// <summary>A suite of a model that runs and one that finds no room, what is read of it, the records and the timers.</summary>
internal static class BenchmarkCalls
{
    public static async Task RunAsync(DriverWorld world)
    {
        AzureHostDriver host = world.Host;
        string failure = await host.RunAsync("benchmark", """{"models": ["pytorch-cnn"]}""").FailsAsync();
        Assert.Contains("pytorch-cnn needs 4096 MB; the suite has 2048", failure, StringComparison.Ordinal);
        Assert.Equal(
            "Passed",
            (await host.RunAsync("benchmark", """{"models": ["xgboost"]}""").CompletesAsync()).Member("verdict").GetString()
        );
        Dictionary<string, string> states = (await host.GetAsync("benchmark").IsAsync(HttpStatusCode.OK))
            .GetProperty("models")
            .EnumerateArray()
            .ToDictionary(model => model.GetProperty("model").GetString()!, model => model.GetProperty("state").GetString()!);
        Assert.Equal(("Passed", "Failed"), (states["xgboost"], states["pytorch-cnn"]));

        JsonElement comparison = await host.GetAsync("benchmark/comparison?format=markdown").IsAsync(HttpStatusCode.OK);
        Assert.Contains("XGBoost", comparison.GetString(), StringComparison.Ordinal);
        Assert.Single(
            (await host.GetAsync("benchmark/models/xgboost").IsAsync(HttpStatusCode.OK)).GetProperty("versions").EnumerateArray()
        );
        await host.PostAsync("benchmark/models/xgboost/rollback").IsAsync(HttpStatusCode.Conflict); // there is no version before the first
        await host.PostAsync("benchmark/export").IsAsync(HttpStatusCode.OK);
        await host.TickAsync("TickBenchmark");
        await host.TickAsync("ReapBenchmark");
    }
}
