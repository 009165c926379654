using System.Net;
using System.Text.Json;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Functions;

/// <summary>The yearly timers in the started app, fired manually.</summary>
public sealed class ClimateTimerTests
{
    private static readonly string[] Names = ["TickHazardBatch", "TickProbabilityBatch"];

    [Fact]
    public async Task The_setting_says_what_the_timers_start_and_hazard_waits_for_its_probability()
    {
        await using AppProcess app = await AppProcess.StartAsync(
            settings: new Dictionary<string, string>
            {
                ["ClimateTimerOptions"] = """{"scenario": "SSP245", "startYear": 2030, "endYear": 2032, "workers": 2}""",
            }
        );
        (_, JsonElement sample) = await app.PostAsync("/api/climate/sample", """{"cells": 20, "seed": 1}""");
        await app.WaitAsync(sample.GetProperty("Id").GetString()!);

        // Hazard first: it must find nothing, wait, and begin once the other has ended.
        foreach (string timer in Names)
            Assert.Equal(HttpStatusCode.Accepted, (await app.PostAsync("/admin/functions/" + timer, "{}")).Status);
        JsonElement hazard = await FinishedAsync(app, "hazard"),
            probability = await FinishedAsync(app, "probability");

        foreach (JsonElement run in new[] { hazard, probability })
        {
            Assert.Equal("completed", run.GetProperty("state").GetString());
            JsonElement parameters = run.GetProperty("parameters");
            Assert.Equal("SSP245", Assert.Single(parameters.GetProperty("Scenarios").EnumerateArray()).GetString());
            Assert.Equal((2030, 2032), (parameters.GetProperty("StartYear").GetInt32(), parameters.GetProperty("EndYear").GetInt32()));
        }

        Assert.Equal((3, 60L), (hazard.GetProperty("total").GetInt32(), hazard.GetProperty("rowsWritten").GetInt64())); // three years of 20 cells
        Assert.Equal((1, 180L), (probability.GetProperty("total").GetInt32(), probability.GetProperty("rowsWritten").GetInt64())); // one tile: 20 cells, 9 risks
        Assert.True(
            probability.GetProperty("finishedAt").GetDateTime() <= hazard.GetProperty("startedAt").GetDateTime(),
            $"{probability} {hazard}"
        );
    }

    [Fact]
    public async Task A_bad_setting_is_named_when_the_timer_fires()
    {
        await using AppProcess app = await AppProcess.StartAsync(
            settings: new Dictionary<string, string> { ["ClimateTimerOptions"] = """{"scenario": "SSP999"}""" }
        );

        await app.PostAsync("/admin/functions/TickProbabilityBatch", "{}");

        await Eventually.HoldsAsync(
            () => Task.FromResult(app.Log.Contains("Setting ClimateTimerOptions is invalid: scenario: ", StringComparison.Ordinal)),
            () => Task.FromResult(app.Log)
        );
    }

    private static async Task<JsonElement> FinishedAsync(AppProcess app, string kind)
    {
        JsonElement run = default;
        await Eventually.HoldsAsync(
            async () =>
            {
                (_, JsonElement runs) = await app.GetAsync("/api/runs");
                run = runs.EnumerateArray().FirstOrDefault(candidate => candidate.GetProperty("kind").GetString() == kind);
                return run.ValueKind == JsonValueKind.Object && run.GetProperty("finishedAt").ValueKind != JsonValueKind.Null;
            },
            () => Task.FromResult($"no {kind} run has ended: {app.Log}"),
            seconds: 120
        );
        return run;
    }
}
