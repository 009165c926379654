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
            host,
            "climate",
            "run",
            "--scenario",
            "ssp126,SSP585",
            "--start-year",
            "2030",
            "--end-year",
            "2031",
            "--workers",
            "2",
            "--force",
            "--no-wait"
        );

        Assert.Equal(0, call.ExitCode);
        JsonNode expected = JsonNode.Parse(
            """{"scenarios":["ssp126","SSP585"],"startYear":2030,"endYear":2031,"workers":2,"force":true}"""
        )!;
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(host.Requests.Last().Body)));
    }

    [Fact]
    public async Task A_sample_is_made_before_the_run_that_asks_for_one()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/sample", 200, """{"cells":50}""")
            .On("POST /api/climate/hazard", 202, """{"id":"hazard-1"}""")
            .On(
                $"GET {Instance}",
                200,
                """{"instanceId":"hazard-1","runtimeStatus":"Completed","output":{"total":2,"completed":2,"failed":0}}"""
            );

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--cells", "50", "--seed", "9");

        Assert.Equal(0, call.ExitCode);
        Assert.Equal(
            [
                "GET /api/climate/grid ",
                """POST /api/climate/hazard {"dryRun":true}""",
                """POST /api/climate/sample {"cells":50,"seed":9}""",
                "GET /api/climate/grid ",
                """POST /api/climate/hazard {"dryRun":true}""",
                "POST /api/climate/hazard {}",
                $"GET {Instance} ",
            ],
            host.Requests.Select(request => $"{request.Method} {request.Path} {request.Body}")
        );
        Assert.Contains("hazard-1: Completed", call.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_with_a_failed_partition_fails_the_command()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 202, """{"id":"hazard-1"}""")
            .On(
                $"GET {Instance}",
                200,
                """{"instanceId":"hazard-1","runtimeStatus":"Completed","output":{"Total":2,"Completed":1,"Failed":1}}"""
            );

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
        Assert.Contains("Already running as hazard-1", call.Error, StringComparison.Ordinal);
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
    public async Task A_plan_shows_reasons_lanes_time_and_rows()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            "POST /api/climate/hazard",
            200,
            """{"hash":"ab","lanes":4,"estimatedSeconds":1.5,"estimatedRows":1000,"partitions":[{"key":"SSP245/2050","reason":"stale","rows":1000}]}"""
        );

        CliCall call = await CliCall.RunAsync(
            host,
            "climate",
            "plan",
            "--scenario",
            "SSP245",
            "--start-year",
            "2050",
            "--end-year",
            "2050"
        );

        Assert.Equal("""{"scenarios":["SSP245"],"startYear":2050,"endYear":2050,"dryRun":true}""", Assert.Single(host.Requests).Body);
        Assert.Equal(
            "hash               ab\nlanes              4\nestimated seconds  1.5\nestimated rows     1000\n\npartitions:\nkey          reason  rows\nSSP245/2050  stale   1000\n",
            call.Out
        );
    }

    [Fact]
    public async Task A_bad_option_replaces_no_grid()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On(
            "POST /api/climate/hazard",
            400,
            """{"error":"invalid options","fields":{"workers":"'65' is out of range; allowed: 1 to 64"}}"""
        );

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--cells", "50", "--workers", "65", "--force");

        Assert.Equal((2, "workers: '65' is out of range; allowed: 1 to 64"), (call.ExitCode, call.Error.Trim()));
        Assert.DoesNotContain(host.Requests, request => request.Path == "/api/climate/sample");
    }

    [Fact]
    public async Task A_value_that_the_host_refuses_is_bad_usage_in_the_hosts_words()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 400, """{"error":"invalid options","fields":{"workers":"at most 8 here"}}""");

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--workers", "9");

        Assert.Equal(2, call.ExitCode);
        Assert.Equal("workers: at most 8 here", call.Error.Trim());
    }

    [Fact]
    public async Task The_end_of_a_run_shows_its_numbers_the_monitoring_query_and_the_ends_of_each_scenario()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 202, """{"id":"hazard-1"}""")
            .On(
                $"GET {Instance}",
                200,
                """
                {"instanceId":"hazard-1","runtimeStatus":"Completed","output":{"total":3,"completed":3,"failed":0,"skipped":1,"successRatePercent":100,
                 "durationSeconds":1.5,"averageSpeed":2,"rows":3000,"values":27000,"valuesPerSecond":18000,"fallbacks":0,"failures":[]}}
                """
            )
            .On(
                "GET /api/climate/statistics",
                200,
                """
                {"monitoring":{"sql":"SELECT 1;","rows":[
                 {"scenario":"SSP126","targetYear":2021,"totalRecords":9,"avgHazardScore":20.5},
                 {"scenario":"SSP126","targetYear":2022,"totalRecords":9,"avgHazardScore":20.6},
                 {"scenario":"SSP126","targetYear":2023,"totalRecords":9,"avgHazardScore":20.7}]}}
                """
            );

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
            SSP126           2021              9              20.5
            SSP126           2023              9              20.7
            First and last year of each scenario, 2 of 3 rows. All: durable climate status

            Scores: table hazard_results, by scenario and target_year; probabilities: probability_results.
            Runs: durable climate runs   Numbers: durable climate status

            """,
            call.Out
        );
    }

    [Fact]
    public async Task A_batch_that_is_done_shows_its_numbers_names_force_and_neither_samples_nor_starts()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /api/climate/grid", 200, """{"cells":50,"source":"sample:50:1","sample":{"cells":50,"seed":1}}""")
            .On("POST /api/climate/hazard", 200, """{"hash":"ab","toFill":0,"skipped":320,"partitions":[]}""")
            .On(
                "GET /api/climate/statistics",
                200,
                """{"monitoring":{"sql":"SELECT 1;","rows":[{"scenario":"SSP126","targetYear":2021,"totalRecords":9,"avgHazardScore":20.5}]}}"""
            );

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--cells", "50", "--seed", "1", "--statistics");

        Assert.Equal(0, call.ExitCode);
        Assert.StartsWith("Nothing to do: all 320 partitions are there (--force computes them again).", call.Out, StringComparison.Ordinal);
        Assert.Contains("SSP126", call.Out, StringComparison.Ordinal);
        Assert.Equal("""{"dryRun":true}""", Assert.Single(host.Requests, r => r.Method == "POST").Body);
    }

    [Theory, InlineData(0, true), InlineData(1, false)]
    public async Task An_annual_batch_is_done_when_both_of_its_parts_are(int hazardToFill, bool isDone)
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("GET /api/climate/grid", 200, """{"cells":50,"source":"sample:50:1","sample":{"cells":50,"seed":1}}""")
            .On("POST /api/climate/probability", 200, """{"hash":"ab","toFill":0,"skipped":40,"partitions":[]}""")
            .On("POST /api/climate/hazard", 200, $$"""{"hash":"cd","toFill":{{hazardToFill}},"skipped":320,"partitions":[]}""")
            .On("POST /api/climate/annual", 202, """{"id":"annual-1"}""");

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--batch", "annual", "--no-wait");

        Assert.Equal(0, call.ExitCode);
        Assert.Equal(
            isDone,
            call.Out.StartsWith("Nothing to do: all 360 partitions are there (--force computes them again).", StringComparison.Ordinal)
        );
        Assert.Equal(isDone, !host.Requests.Any(request => request.Path == "/api/climate/annual"));
    }

    [Fact]
    public async Task A_second_sample_waits_for_the_first_and_the_batch_names_its_grid()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        bool otherEnded = false;
        host.On(
                "POST /api/climate/sample",
                _ => otherEnded ? new Reply(202, """{"id":"climate-sample"}""") : new Reply(409, """{"id":"climate-sample"}""")
            )
            .On(
                "GET /runtime/webhooks/durabletask/instances/climate-sample",
                _ =>
                {
                    otherEnded = true;
                    return new Reply(200, """{"instanceId":"climate-sample","runtimeStatus":"Completed","output":{}}""");
                }
            )
            .On(
                "GET /api/climate/grid",
                _ =>
                    otherEnded
                        ? new Reply(200, """{"cells":1000,"source":"sample:1000:1","sample":{"cells":1000,"seed":1}}""")
                        : new Reply(404, "")
            )
            .On("POST /api/climate/hazard", 202, """{"id":"hazard-1"}""");

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--cells", "1000", "--no-wait");

        Assert.Equal(0, call.ExitCode);
        Assert.Equal(2, host.Requests.Count(r => r.Path == "/api/climate/sample"));
        Assert.Contains("waiting for it first", call.Error, StringComparison.Ordinal);
        Assert.Contains("Grid: 1,000 cells, sample climate with seed 1.", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_completed_batch_stays_completed_when_its_statistics_cannot_be_had()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        host.On("POST /api/climate/hazard", 202, """{"id":"hazard-1"}""")
            .On(
                $"GET {Instance}",
                200,
                """{"instanceId":"hazard-1","runtimeStatus":"Completed","output":{"total":2,"completed":2,"failed":0}}"""
            )
            .On("GET /api/climate/statistics", 500, string.Empty);

        CliCall call = await CliCall.RunAsync(host, "climate", "run", "--statistics");

        Assert.Equal(0, call.ExitCode);
        Assert.Contains("The batch is done, but its statistics cannot be shown now", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_ledger_fits_a_terminal_of_80_columns()
    {
        await using FakeHost host = await FakeHost.StartAsync();
        string years = string.Join(',', Enumerable.Range(2021, 80));
        host.On(
            "GET /api/runs",
            200,
            $$"""
            [{"runId":"hazard-1d90f5b43f80/20261126T090000000Z","instanceId":"hazard-1d90f5b43f80","kind":"hazard","state":"completed","codeVersion":"0.1.0+75218dd21b44a5d0e4ad9d6c5a2a0b5a91c1b6fe",
              "planHash":null,"total":320,"completed":320,"failed":0,"rowsWritten":320000,"startedAt":"2026-11-26T09:00:00Z","finishedAt":"2026-11-26T09:00:01.25Z","error":null,
              "parameters":{"years":[{{years}}],"scenarios":["SSP126","SSP245","SSP370","SSP585"] } }]
            """
        );

        CliCall narrow = await CliCall.RunAsync(["climate", "runs", "--url", host.Url], 80);
        CliCall wider = await CliCall.RunAsync(["climate", "runs", "--url", host.Url], 160);
        CliCall wide = await CliCall.RunAsync(["climate", "runs", "--wide", "--url", host.Url], 80);

        Assert.All(narrow.Out.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        Assert.Contains("hazard-1d90f5b43f80  completed  320/320", narrow.Out, StringComparison.Ordinal);
        Assert.Contains("--wide shows all", narrow.Error, StringComparison.Ordinal);
        Assert.Contains("years 2021-2100", wider.Out, StringComparison.Ordinal);
        Assert.Contains("2021,2022,2023", wide.Out, StringComparison.Ordinal);
    }
}
