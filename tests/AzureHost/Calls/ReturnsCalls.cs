using System.Net;
using System.Text.Json;
using Durable.Pipelines.Returns;

namespace Durable.Tests.AzureHost.Calls;

/// <summary>Trains and serves a model manually and by the hourly timer, predicts, infers, and rolls back.</summary>
internal static class ReturnsCalls
{
    public static async Task RunAsync(DriverWorld world)
    {
        AzureHostDriver host = world.Host;
        JsonElement trained = await host.RunAsync("returns").CompletesAsync();
        Assert.Equal("Published", trained.Member("state").GetString());
        Assert.Equal("Predicted", (await host.RunAsync("returns/inference").CompletesAsync()).Member("state").GetString());
        await host.GetAsync("returns").IsAsync(HttpStatusCode.OK);
        Assert.Equal(
            trained.Member("version").GetString(),
            (await host.PostAsync("returns/predict").IsAsync(HttpStatusCode.OK)).GetProperty("version").GetString()
        );

        string zeros = string.Join(',', Enumerable.Repeat("0.0625", 256));
        string line = $$"""{"embedding_a": [{{zeros}}], "embedding_b": [{{zeros}}]}""";
        string lines = (
            await host.SendAsync(HttpMethod.Post, "returns/predict/batch", $"{line}\n{line}\n", "application/x-ndjson")
                .IsAsync(HttpStatusCode.OK)
        ).ToString();
        Assert.Equal(2, lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

        await host.TickAsync("TickReturnsTraining");
        Assert.Equal("UpToDate", (await host.EndAsync(ReturnsRequest.InstanceId).CompletesAsync()).Member("state").GetString());
        await host.TickAsync("TickReturnsInference");
        Assert.Equal("NothingNew", (await host.EndAsync(ReturnsRequest.InferenceInstanceId).CompletesAsync()).Member("state").GetString());
        Assert.Single((await host.GetAsync("returns/models").IsAsync(HttpStatusCode.OK)).GetProperty("models").EnumerateArray());
        await host.PostAsync("returns/rollback").IsAsync(HttpStatusCode.NotFound); // there is no model before the first
    }
}
