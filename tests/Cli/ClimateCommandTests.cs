using System.Text.Json.Nodes;

namespace Durable.Tests.Cli;

public sealed class ClimateCommandTests
{
    private const string Instance = "/runtime/webhooks/durabletask/instances/hazard-1";

    [Fact]
    public async Task A_run_sends_only_the_options_that_were_given()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 202, """{"Id":"hazard-1"}""");

        CliCall call = await CliCall.RunAsync(
            host, "climate", "run", "--scenario", "ssp126,SSP585", "--start-year", "2030", "--end-year", "2031", "--workers", "2", "--force", "--no-wait");

        Assert.Equal(0, call.ExitCode);
        JsonNode expected = JsonNode.Parse("""{"scenarios":["SSP126","SSP585"],"startYear":2030,"endYear":2031,"workers":2,"force":true}""")!;
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(Assert.Single(host.Requests).Body)));
    }

    [Fact]
    public async Task A_sample_is_made_before_the_run_that_asks_for_one()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/sample", 200, """{"cells":50}""")
            .On("POST /api/climate/hazard", 202, """{"id":"hazard-1"}""")
            .On($"GET {Instance}", 200, """{"instanceId":"hazard-1","runtimeStatus":"Completed","output":{"total":2,"completed":2,"failed":0}}""");

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--cells", "50", "--seed", "9");

        Assert.Equal(0, call.ExitCode);
        Assert.Equal(["/api/climate/sample", "/api/climate/hazard", Instance], host.Requests.Select(r => r.Path));
        Assert.Equal("""{"cells":50,"seed":9}""", host.Requests.First().Body);
        Assert.Contains("hazard-1: Completed", call.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_with_a_failed_partition_fails_the_command()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 202, """{"id":"hazard-1"}""")
            .On($"GET {Instance}", 200, """{"instanceId":"hazard-1","runtimeStatus":"Completed","output":{"Total":2,"Completed":1,"Failed":1}}""");

        Assert.Equal(1, (await CliCall.RunAsync(host, "climate", "run")).ExitCode);
    }

    [Fact]
    public async Task A_run_that_is_already_under_way_is_watched_instead()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 409, """{"id":"hazard-1"}""")
            .On($"GET {Instance}", 200, """{"instanceId":"hazard-1","runtimeStatus":"Completed"}""");

        CliCall call = await CliCall.RunAsync(host, "climate", "run");

        Assert.Equal(0, call.ExitCode);
        Assert.Contains("Already under way as hazard-1", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_asks_for_a_dry_run_of_the_named_batch()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/probability", 200, """{"hash":"ab","partitions":[{"key":"SSP245/2050","reason":"missing"}]}""");

        CliCall call = await CliCall.RunAsync(host, "climate", "plan", "--batch", "probability");

        Assert.Equal("""{"dryRun":true}""", Assert.Single(host.Requests).Body);
        Assert.Equal("hash  ab\n\npartitions:\nkey          reason\nSSP245/2050  missing\n", call.Out);
    }

    [Fact]
    public async Task Plan_climate_is_the_same_plan_and_shows_reasons_lanes_time_and_rows()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 200, """{"hash":"ab","lanes":4,"estimatedSeconds":1.5,"estimatedRows":1000,"partitions":[{"key":"SSP245/2050","reason":"stale","rows":1000}]}""");

        CliCall call = await CliCall.RunAsync(host, "plan", "climate", "--scenario", "SSP245", "--start-year", "2050", "--end-year", "2050");

        Assert.Equal("""{"scenarios":["SSP245"],"startYear":2050,"endYear":2050,"dryRun":true}""", Assert.Single(host.Requests).Body);
        Assert.Equal("hash               ab\nlanes              4\nestimated seconds  1.5\nestimated rows     1000\n\npartitions:\nkey          reason  rows\nSSP245/2050  stale   1000\n", call.Out);
    }

    [Fact]
    public async Task Every_bad_value_is_named_with_what_is_allowed_and_nothing_is_sent()
    {
        await using FakeHost host = await FakeHost.StartAsync();

        CliCall call = await CliCall.RunAsync(
            host, "climate", "run", "--scenario", "SSP999", "--workers", "65", "--start-year", "2050", "--end-year", "2030", "--risks", "plague");

        Assert.Equal(2, call.ExitCode);
        Assert.Contains("--scenario has 'SSP999'; allowed are SSP126, SSP245, SSP370, SSP585.", call.Error, StringComparison.Ordinal);
        Assert.Contains("--workers is 65; it goes from 1 to 64.", call.Error, StringComparison.Ordinal);
        Assert.Contains("--start-year 2050 is after --end-year 2030.", call.Error, StringComparison.Ordinal);
        Assert.Contains("'plague'", call.Error, StringComparison.Ordinal);
        Assert.Empty(host.Requests);
    }

    [Fact]
    public async Task A_value_that_the_host_refuses_is_bad_usage_in_the_hosts_words()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 400, """{"errors":{"workers":"at most 8 here"}}""");

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--workers", "9");

        Assert.Equal(2, call.ExitCode);
        Assert.Contains("at most 8 here", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_of_a_run_shows_its_numbers_the_monitoring_query_and_the_ends_of_each_scenario()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 202, """{"id":"hazard-1"}""")
            .On($"GET {Instance}", 200,
                """
                {"instanceId":"hazard-1","runtimeStatus":"Completed","output":{"total":3,"completed":3,"failed":0,"skipped":1,"successRatePercent":100,
                 "durationSeconds":1.5,"averageSpeed":2,"rows":3000,"values":27000,"valuesPerSecond":18000,"fallbacks":0,"failures":[]}}
                """)
            .On("GET /api/climate/statistics", 200,
                """
                {"monitoring":{"sql":"SELECT 1;","rows":[
                 {"scenario":"SSP126","targetYear":2021,"totalRecords":9,"avgHazardScore":20.5},
                 {"scenario":"SSP126","targetYear":2022,"totalRecords":9,"avgHazardScore":20.6},
                 {"scenario":"SSP126","targetYear":2023,"totalRecords":9,"avgHazardScore":20.7}]}}
                """);

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--statistics");

        Assert.Equal(
            """

            hazard-1: Completed
              partitions       3
              completed        3
              failed           0
              already there    1
              success rate     100 %
              duration         1.5 s
              average speed    2 partitions/s, 18,000 values/s
              rows written     3,000
              values computed  27,000, 0 on stated defaults

            SELECT 1;

            scenario  target_year  total_records  avg_hazard_score
            SSP126    2021         9              20.5
            SSP126    2023         9              20.7
            First and last year of each scenario, 2 of 3 rows. All: durable climate status

            """,
            call.Out);
    }
}
