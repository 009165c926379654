using System.Net;
using System.Text.Json;
using Amazon.S3;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;

namespace Durable.Tests.AzureHost.Calls;

/// <summary>A slot that packs its questions, what is read of it, a slot filled from raw files, and both timers.</summary>
internal static class SpotCalls
{
    public static async Task RunAsync(DriverWorld world)
    {
        AzureHostDriver host = world.Host;
        SlotTime slot = SlotTime.Of(DateTime.UtcNow),
            filled = slot.Plus(-1);
        JsonElement stored = await host.RunAsync("spot", $$"""{"slot": "{{slot}}"}""").CompletesAsync();
        int rows = stored.Member("rows").GetInt32();
        Assert.True(rows > 0 && stored.Member("state").GetString() == "Stored", stored.ToString());
        JsonElement market = (await host.GetAsync("spot/market?region=eu-north-1").IsAsync(HttpStatusCode.OK)).GetProperty("rows")[0];
        string zone = market.GetProperty("zone").GetString()!,
            type = market.GetProperty("instanceType").GetString()!;
        Assert.Equal(
            1,
            (await host.GetAsync($"spot/history?type={type}&region=eu-north-1&zone={zone}").IsAsync(HttpStatusCode.OK))
                .GetProperty("changes")
                .GetArrayLength()
        );
        Assert.Equal("present", (await host.GetAsync($"spot/slots/{slot}").IsAsync(HttpStatusCode.OK)).GetProperty("state").GetString());

        await LeaveRawFilesAsync(world, slot, filled);
        Assert.Equal(
            1,
            (await host.GetAsync($"spot/gaps?from={filled}&to={slot}").IsAsync(HttpStatusCode.OK)).GetProperty("canBeFilled").GetInt32()
        );
        Assert.Equal(
            1,
            (await host.RunAsync("spot/backfill", $$"""{"from": "{{filled}}", "to": "{{slot}}"}""").CompletesAsync())
                .Member("filled")
                .GetInt32()
        );

        await host.RunAsync("spot/workload").CompletesAsync();
        await host.TickAsync("TickSpotSlot");
        await host.TickAsync("TickSpotWorkload");
        foreach (
            string started in host
                .Hub.Instances.Select(instance => instance.InstanceId)
                .Where(id => id.StartsWith("spot-", StringComparison.Ordinal))
        )
        {
            await host.EndAsync(started).CompletesAsync();
        }
    }

    /// <summary>As a slot leaves them that was collected and never merged.</summary>
    private static async Task LeaveRawFilesAsync(DriverWorld world, SlotTime from, SlotTime to)
    {
        using AmazonS3Client s3 = world.Pothole.Sandbox.S3();
        List<(string From, string To)> files =
        [
            (SpotKeys.Scores(from, 1), SpotKeys.Scores(to, 1)),
            (SpotKeys.Interruptions(from), SpotKeys.Interruptions(to)),
            (SpotKeys.SpotPrices(from), SpotKeys.SpotPrices(to)),
        ];
        if (to.Day != from.Day)
        {
            files.Add((SpotKeys.OnDemandPrices(from.Day), SpotKeys.OnDemandPrices(to.Day)));
            files.Add((SpotKeys.Workload(from.Day), SpotKeys.Workload(to.Day)));
        }

        foreach ((string source, string target) in files)
            await s3.CopyObjectAsync(DriverWorld.SpotBucket, source, DriverWorld.SpotBucket, target);
    }
}
