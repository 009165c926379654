using System.Text.Json;
using Durable.Activities.Spot;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>A slot killed at every step. Beside <see cref="SlotFaultTests"/>, with its own sandbox: classes run side by side.</summary>
public sealed class SlotKillTests(AwsSandbox sandbox) : IClassFixture<AwsSandbox>
{
    [Fact]
    public async Task A_slot_killed_before_or_after_any_step_and_started_again_ends_as_one_that_nobody_disturbed()
    {
        string calm;
        List<string> steps = [];
        DateTime hour;
        SlotTime slot;
        do
        {
            hour = Hour(); // the sandbox's scores and prices follow the hour
            await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
            slot = world.Now;
            world.Around = (step, done) =>
            {
                if (!done)
                    steps.Add(step);
            };
            await world.RunAsync(world.Now);
            calm = await world.DumpAsync();
        } while (hour != Hour());
        Assert.True(steps.Count >= 10, string.Join(", ", steps));

        foreach (string kill in steps.Distinct())
        {
            foreach (bool afterwards in new[] { false, true })
            {
                await using SpotWorld world = await SpotWorld.CreateAsync(sandbox);
                world.Clock.Set(slot.Utc.AddSeconds(5)); // the undisturbed run's slot, however long this takes
                bool killed = false;
                world.Around = (step, done) =>
                {
                    AssertLatestIsNotAhead(world);
                    if (killed || step != kill || done != afterwards)
                        return;
                    killed = true;
                    throw new KilledException();
                };
                await Assert.ThrowsAsync<KilledException>(() => world.RunAsync(slot));
                SlotResult result = await world.RunAsync(slot, "2");
                if (Hour() != hour)
                    return; // the market has moved on
                Assert.True(
                    calm == await world.DumpAsync(),
                    $"killed {(afterwards ? "after" : "before")} {kill}: {await world.DumpAsync()}\nbut calm: {calm}"
                );
                Assert.Equal(result.Rows, world.Sink.Records.Count);
                if (result.State == SlotEnding.Present)
                    await world.Make<PublishLatest>().RunAsync(slot.Text, default);
                Assert.Equal(result.Rows, JsonDocument.Parse(world.Bucket.Objects[SpotKeys.Latest].Bytes).RootElement.GetArrayLength());
            }
        }
    }

    private static DateTime Hour() => DateTime.UtcNow.Date.AddHours(DateTime.UtcNow.Hour);

    private static void AssertLatestIsNotAhead(SpotWorld world)
    {
        if (!world.Bucket.Objects.TryGetValue(SpotKeys.Latest, out StoredObject? latest))
            return;
        string slot = latest.Metadata["slot"];
        Assert.Contains(world.Sink.Records.Keys, record => record.At == slot);
    }

    private sealed class KilledException : Exception;
}
