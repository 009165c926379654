using System.Net;
using System.Text.Json;
using Durable.Activities.Operations;
using Durable.Tests.AzureHost.Hub;
using Durable.Tests.Fixtures;
using Durable.Tests.Orchestrations;

namespace Durable.Tests.AzureHost.Calls;

/// <summary>A day on the cluster, a day that is cancelled while its job runs, a range, and the tick of the day before.</summary>
internal static class PotholeCalls
{
    private const string Day = $$"""{"date": "{{PotholeWorld.Date}}"}""",
        Again = $$"""{"date": "{{PotholeWorld.Date}}", "force": true}""";

    public static async Task RunAsync(DriverWorld world)
    {
        AzureHostDriver host = world.Host;
        await host.RunAsync("pothole", Day).CompletesAsync();
        JsonElement day = await host.GetAsync($"pothole/{PotholeWorld.Date}").IsAsync(HttpStatusCode.OK);
        Assert.Equal(
            ["stage1", "stage2", "load"],
            day.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("step").GetString())
        );
        Assert.All(
            (await host.GetAsync("operations/leases?state=all").IsAsync(HttpStatusCode.OK)).GetProperty("leases").EnumerateArray(),
            lease => Assert.Equal("closed", lease.GetProperty("state").GetString())
        );

        await CancelAsync(world);

        // A range with a day that has no data.
        JsonElement range = await host.RunAsync("pothole", $$"""{"from": "2026-02-11", "to": "{{PotholeWorld.Date}}"}""").CompletesAsync();
        Assert.Equal((2, 1), (range.Member("days").GetInt32(), range.Member("noInput").GetInt32()));

        await host.TickAsync("TickPotholePipeline");
        await host.TickAsync("ReapClusters");
        await host.TickAsync("TickNotifications");
        await RetentionAsync(host);
    }

    /// <summary>Nobody else deletes ended instances on this host.</summary>
    private static async Task RetentionAsync(AzureHostDriver host)
    {
        HubInstance[] ended = [.. host.Hub.Instances.Where(instance => instance.HasEnded).Take(2)];
        DateTime longAgo = DateTime.UtcNow.AddDays(-40);
        (ended[0].CreatedAt, ended[0].UpdatedAt) = (longAgo, longAgo);
        ended[1].CreatedAt = longAgo; // ended today
        int before = host.Hub.Instances.Count();

        await host.TickAsync("ApplyRetention");

        Assert.Null(host.Hub.Find(ended[0].InstanceId));
        Assert.Equal(before - 1, host.Hub.Instances.Count());
    }

    /// <summary>Cancels over HTTP while a job runs: the job is killed, the machines are stopped, the run fails as cancelled.</summary>
    private static async Task CancelAsync(DriverWorld world)
    {
        await world.Pothole.SparkDoesAsync("""[{"match": "stage1", "delaySeconds": 3600}]""");
        await world.Host.PostAsync("pothole", Again).IsAsync(HttpStatusCode.Accepted);
        HubInstance run = world.Host.Hub.Find(world.Pothole.InstanceId)!;
        await Eventually.HoldsAsync(
            () =>
                run.CustomStatus?.Contains("stage1", StringComparison.Ordinal) == true && Scheduled(world.Host, run, nameof(PollRemoteJob)),
            "a job of stage 1 is polled"
        );
        await world.Host.PostAsync($"operations/runs/{run.InstanceId}/cancel?reason=enough").IsAsync(HttpStatusCode.Accepted);
        Assert.Contains("enough", await world.Host.EndAsync(run.InstanceId).FailsAsync(), StringComparison.Ordinal);
        Assert.True(Scheduled(world.Host, run, nameof(KillRemoteJob)));
        Assert.All((await world.Pothole.Sandbox.StatesAsync()).Values, state => Assert.Equal("stopped", state));
        await world.Pothole.SparkDoesAsync("[]");
    }

    private static bool Scheduled(AzureHostDriver host, HubInstance run, string activity) =>
        host.Hub.ReadHistory(run).Any(e => e.TaskScheduled?.Name == activity);
}
