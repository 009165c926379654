using System.Net;
using System.Text.Json;
using Durable.Pipelines.Climate.Grid;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Functions;

/// <summary>The climate batches over HTTP, on the embedded host and a real database.</summary>
public sealed class ClimateBatchTests
{
    private const string Short = """{"startYear": 2049, "endYear": 2051}""";

    [Fact]
    public async Task A_sample_is_scored_the_second_start_does_nothing_and_a_lost_partition_is_done_again()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await app.PostAsync("/api/climate/hazard", Short)).Status); // no grid yet
        await SampleAsync(app, 60);

        JsonElement first = await RunAsync(app, "/api/climate/hazard", Short);
        Assert.Equal(("Completed", 12, 12, 0), Numbers(first));
        JsonElement second = await RunAsync(app, "/api/climate/hazard", Short);
        Assert.Equal(("Completed", 0, 0, 0), Numbers(second));
        Assert.Equal(12, second.GetProperty("output").GetProperty("Skipped").GetInt32());

        await ExecuteAsync(app, "UPDATE operations.partitions SET state = 'failed', error = 'lost' WHERE key = 'SSP370/2050'");
        Assert.Equal(("Completed", 1, 1, 0), Numbers(await RunAsync(app, "/api/climate/hazard", Short)));

        JsonElement statistics = (await app.GetAsync("/api/climate/statistics")).Body;
        Assert.Equal(12, statistics.GetProperty("monitoring").GetProperty("rows").GetArrayLength());
        Assert.All(
            statistics.GetProperty("monitoring").GetProperty("rows").EnumerateArray(),
            row => Assert.Equal(540, row.GetProperty("totalRecords").GetInt64())
        );
        JsonElement monitoring = (await app.GetAsync("/api/climate/statistics?query=true")).Body.GetProperty("monitoring");
        static IEnumerable<string> Rows(JsonElement of) =>
            of.GetProperty("rows").EnumerateArray().Select(row => string.Join(' ', row.EnumerateObject().Select(field => field.Value)));
        Assert.Equal(Rows(monitoring.GetProperty("query")), Rows(monitoring));
        Assert.InRange(monitoring.GetProperty("query").GetProperty("seconds").GetDouble(), 0, 60);
        Assert.Equal(HttpStatusCode.BadRequest, (await app.GetAsync("/api/climate/statistics?query=yes")).Status);
        Assert.Equal(100, statistics.GetProperty("hazard").GetProperty("successRatePercent").GetDouble());
    }

    [Fact]
    public async Task A_plan_is_shown_applied_by_its_hash_and_refused_when_the_world_has_moved_on()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        await SampleAsync(app, 20);
        JsonElement plan = (await app.PostAsync("/api/climate/hazard?dryRun=true", Short)).Body;
        Assert.Equal((12, 0), (plan.GetProperty("toFill").GetInt32(), plan.GetProperty("skipped").GetInt32()));
        Assert.Equal(
            (240, 4, 0.0),
            (
                plan.GetProperty("estimatedRows").GetInt32(),
                plan.GetProperty("lanes").GetInt32(),
                plan.GetProperty("estimatedSeconds").GetDouble()
            )
        ); // 12 years × 20 cells
        string hash = plan.GetProperty("hash").GetString()!;

        Assert.Equal(("Completed", 12, 12, 0), Numbers(await RunAsync(app, $"/api/climate/hazard?planHash={hash}", Short)));
        (HttpStatusCode status, JsonElement refused) = await app.PostAsync($"/api/climate/hazard?planHash={hash}", Short);

        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Equal("SSP126/2049: was missing, is present", refused.GetProperty("difference")[0].GetString());
    }

    [Fact]
    public async Task A_partition_claimed_elsewhere_refuses_the_run_as_a_whole()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        await SampleAsync(app, 20);
        // A run of another task hub holds SSP245/2050: this one cannot know whether it lives, so it waits for the claim to run out.
        await ExecuteAsync(
            app,
            """
            INSERT INTO operations.partitions (kind, key, state, claimed_by, claimed_until)
            VALUES ('hazard', 'SSP245/2050', 'missing', 'elsewhere/20260101T000000000Z', now() + interval '10 minutes')
            """
        );

        JsonElement run = await RunAsync(app, "/api/climate/hazard", Short);

        Assert.Equal("Failed", run.GetProperty("runtimeStatus").GetString());
        Assert.Contains("are being filled by run elsewhere", run.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(0L, await ScalarAsync(app, "SELECT count(*) FROM hazard_results")); // refused as a whole
    }

    [Fact]
    public async Task A_start_that_overlaps_a_running_batch_is_refused_with_its_status_link_and_free_again_once_that_was_terminated()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        await SampleAsync(app, 20, 2021, 2060);
        await using KillPoints points = await KillPoints.CreateAsync(app.Connection);
        await points.ArmAsync("hazard SSP126/2049 present");
        string running = (await app.PostAsync("/api/climate/hazard", """{"endYear": 2060, "workers": 1}"""))
            .Body.GetProperty("Id")
            .GetString()!;
        await points.ReachedAsync("hazard SSP126/2049 present", () => app.Log);

        (HttpStatusCode overlapping, JsonElement link) = await app.PostAsync("/api/climate/hazard", Short);
        (HttpStatusCode same, _) = await app.PostAsync("/api/climate/hazard", """{"endYear": 2060}""");
        Assert.Equal((HttpStatusCode.Conflict, HttpStatusCode.Conflict), (overlapping, same));
        Assert.Equal(running, link.GetProperty("Id").GetString());

        await app.PostAsync($"/runtime/webhooks/durabletask/instances/{running}/terminate?reason=test");
        await app.WaitAsync(running);
        Task<JsonElement> next = RunAsync(app, "/api/climate/hazard?force=true", Short); // takes the claims, and waits for the late writer of the terminated run
        await points.DisarmAsync();
        Assert.Equal("Completed", (await next).GetProperty("runtimeStatus").GetString());
        Assert.Equal(
            0L,
            await ScalarAsync(
                app,
                "SELECT count(*) FROM (SELECT FROM climate.hazard_cells GROUP BY scenario_id, target_year, grid_id HAVING count(*) > 1) twice"
            )
        );
    }

    [Fact]
    public async Task Hazard_follows_probability_in_the_annual_batch_and_does_not_start_when_that_failed()
    {
        await using AppProcess app = await AppProcess.StartAsync();
        await SampleAsync(app, 20, firstYear: 2021, lastYear: 2100);
        JsonElement annual = await RunAsync(app, "/api/climate/annual", """{"scenario": "SSP245"}""");
        Assert.Equal("Completed", annual.GetProperty("runtimeStatus").GetString());
        Assert.Equal(
            (1, 80),
            (
                annual.GetProperty("output").GetProperty("Probability").GetProperty("Completed").GetInt32(),
                annual.GetProperty("output").GetProperty("Hazard").GetProperty("Completed").GetInt32()
            )
        );

        await ExecuteAsync(
            app,
            "UPDATE climate.input_versions SET version = 'new' WHERE year = 2050; DELETE FROM climate.cell_series WHERE variable = 6; DELETE FROM climate.cell_series WHERE variable = 7"
        );
        JsonElement failed = await RunAsync(app, "/api/climate/annual", """{"scenario": "SSP245"}""");
        JsonElement waiting = await RunAsync(app, "/api/climate/hazard?afterProbability=true", """{"scenario": "SSP245"}""");

        Assert.Equal(
            ("Failed", "Failed"),
            (failed.GetProperty("runtimeStatus").GetString(), waiting.GetProperty("runtimeStatus").GetString())
        );
        Assert.Contains("H does not start: P(H) of SSP245/tile-0 failed", waiting.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(1L, await ScalarAsync(app, "SELECT count(*) FROM operations.runs WHERE kind = 'hazard'"));
        // The gate that stopped it, with partition and number, is what the ledger shows first.
        string batch = failed.GetProperty("output").GetRawText();
        Assert.Contains("fallback_share of SSP245/tile-0 is 0.2222", batch, StringComparison.Ordinal);
        string run = (await TextAsync(app, "SELECT instance_id FROM operations.runs WHERE kind = 'probability' AND state = 'failed'"))!;
        JsonElement gate = (await app.GetAsync($"/api/runs/{run}")).Body.GetProperty("gates")[0];
        Assert.Equal(
            ("fallback_share", "SSP245/tile-0", false, 0.05),
            (
                gate.GetProperty("gate").GetString(),
                gate.GetProperty("subject").GetString(),
                gate.GetProperty("passed").GetBoolean(),
                gate.GetProperty("atMost").GetDouble()
            )
        );
        Assert.Equal(0.2222, gate.GetProperty("measured").GetDouble(), 1e-4);
    }

    [Fact]
    public async Task A_killed_host_loses_nothing_the_next_one_finishes_the_same_run()
    {
        await using AppProcess first = await AppProcess.StartAsync();
        await SampleAsync(first, 200, 2021, 2060);
        string instance = (await first.PostAsync("/api/climate/hazard", """{"endYear": 2060, "workers": 2}"""))
            .Body.GetProperty("Id")
            .GetString()!;
        await Eventually.HoldsAsync(async () =>
            await ScalarAsync(first, "SELECT count(*) FROM operations.partitions WHERE kind = 'hazard' AND state = 'present'") > 0
        );
        first.Kill();

        await using AppProcess second = await AppProcess.StartAsync(first.Connection);
        Assert.Equal(("Completed", 160, 160, 0), Numbers(await second.WaitAsync(instance)));
        Assert.Equal(160L * 200 * 9, await ScalarAsync(second, "SELECT count(*) FROM hazard_results"));
    }

    internal static async Task SampleAsync(AppProcess app, int cells, int firstYear = 2049, int lastYear = 2051)
    {
        JsonElement sample = await RunAsync(
            app,
            "/api/climate/sample",
            $$"""{"cells": {{cells}}, "seed": 3, "startYear": {{firstYear}}, "endYear": {{lastYear}}}"""
        );
        Assert.Equal("Completed", sample.GetProperty("runtimeStatus").GetString());
        long values = 4L * (lastYear - firstYear + 1) * cells * GridVariables.Annual.Count; // of both lanes: neither may lose what the other added
        Assert.Equal(values, sample.GetProperty("output").GetProperty("Values").GetInt64());
    }

    internal static async Task<JsonElement> RunAsync(AppProcess app, string path, string body)
    {
        (HttpStatusCode status, JsonElement started) = await app.PostAsync(path, body);
        Assert.True(status == HttpStatusCode.Accepted, $"{path}: {status} {started} {app.Log}");
        return await app.WaitAsync(started.GetProperty("Id").GetString()!);
    }

    private static (string, int, int, int) Numbers(JsonElement status)
    {
        JsonElement output = status.GetProperty("output");
        Assert.True(output.ValueKind == JsonValueKind.Object, status.GetRawText());
        return (
            status.GetProperty("runtimeStatus").GetString()!,
            output.GetProperty("Total").GetInt32(),
            output.GetProperty("Completed").GetInt32(),
            output.GetProperty("Failed").GetInt32()
        );
    }

    private static async Task ExecuteAsync(AppProcess app, string sql) => await ScalarAsync(app, sql);

    private static async Task<long?> ScalarAsync(AppProcess app, string sql) => await QueryAsync(app, sql) as long?;

    private static async Task<string?> TextAsync(AppProcess app, string sql) => await QueryAsync(app, sql) as string;

    private static async Task<object?> QueryAsync(AppProcess app, string sql)
    {
        await using NpgsqlConnection connection = new(app.Connection);
        await connection.OpenAsync();
        await using NpgsqlCommand command = new(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
