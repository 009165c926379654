using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Results;
using Npgsql;

namespace Durable.Tests.Pipelines.Climate;

public sealed class HazardTableTests
{
    /// <summary>The monitoring query of the operating guide, verbatim.</summary>
    private const string Monitoring = """
        SELECT scenario, target_year, COUNT(*) as total_records,
               AVG(hazard_score) as avg_hazard_score
        FROM hazard_results
        WHERE created_at > NOW() - INTERVAL '1 day'
        GROUP BY scenario, target_year;
        """;

    [Fact]
    public async Task A_group_fills_its_years_and_the_monitoring_query_answers_as_printed()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(300, 2050, 2051, Scenario.Ssp245);

        IReadOnlyList<PartitionOutcome> outcomes = await database.Hazards.WriteAsync(Group(2050, 2051));

        Assert.All(outcomes, outcome => Assert.Equal((300L, 2700L, (string?)null), (outcome.Rows, outcome.Values, outcome.Error)));
        List<(string, int, long, double)> rows = [];
        await using NpgsqlCommand command = database.Source.CreateCommand(Monitoring);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            rows.Add((reader.GetString(0), reader.GetInt32(1), reader.GetInt64(2), reader.GetDouble(3)));
        Assert.Equal([("SSP245", 2050, 2700L), ("SSP245", 2051, 2700L)], rows.Select(row => (row.Item1, row.Item2, row.Item3)).Order());
        Assert.All(rows, row => Assert.InRange(row.Item4, 5, 95));
    }

    [Theory, InlineData(120), InlineData(PartitionedTable.OwnTableRows)]
    public async Task The_sums_kept_with_partitions_answer_the_monitoring_query_exactly(int cells)
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(cells, 2050, 2051, Scenario.Ssp245);
        ClimateMonitor monitor = new(database.Source);
        async Task AgreeAsync(int years)
        {
            IReadOnlyList<MonitoredYear> sums = await monitor.ReadAsync(),
                counted = (await monitor.RunQueryAsync())!.Rows;
            Assert.Equal(
                counted.Select(row => (row.Scenario, row.TargetYear, row.TotalRecords)),
                sums.Select(row => (row.Scenario, row.TargetYear, row.TotalRecords))
            );
            Assert.All(sums.Zip(counted), pair => Assert.Equal(pair.Second.AvgHazardScore, pair.First.AvgHazardScore, 1e-3));
            Assert.Equal(years, sums.Count);
        }

        await database.Hazards.WriteAsync(Group(2050, 2051));
        await AgreeAsync(2);
        await database.Hazards.WriteAsync(
            Group(2050, 2051) with
            {
                RiskMask = Risks.Mask([Risk.Drought]),
                CreatedAt = DateTime.UtcNow.AddMinutes(1),
            }
        );
        await AgreeAsync(2);
        await database.Hazards.WriteAsync(
            Group(2051) with
            {
                Box = new BoundingBox(33, 124.5, 36, 132),
                CreatedAt = DateTime.UtcNow.AddDays(-2),
            }
        );
        await AgreeAsync(2);
        await database.Hazards.WriteAsync(Group(2050) with { CreatedAt = DateTime.UtcNow.AddDays(-2) });
        await AgreeAsync(1); // the query counts what was written within a day
    }

    [Fact]
    public async Task Writing_a_year_again_replaces_it_with_the_same_rows()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(200, 2030, 2030, Scenario.Ssp245);
        const string Digest =
            "SELECT md5(string_agg(h::text, ',' ORDER BY h::text)) FROM (SELECT latitude, longitude, risk_type, hazard_score FROM hazard_results) h";
        await database.Hazards.WriteAsync(Group(2030));
        string first = await database.ScalarAsync<string>(Digest);

        await database.Hazards.WriteAsync(Group(2030));

        Assert.Equal(first, await database.ScalarAsync<string>(Digest));
        Assert.Equal(1800L, await database.ScalarAsync<long>("SELECT count(*) FROM hazard_results"));
    }

    [Fact]
    public async Task A_partition_that_is_mostly_defaults_fails_with_its_share_and_keeps_what_was_there()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(100, 2030, 2030, Scenario.Ssp245);
        await database.Hazards.WriteAsync(Group(2030));
        await database.ExecuteAsync("DELETE FROM climate.cell_series WHERE scenario_id = 2"); // every annual input is gone

        PartitionOutcome outcome = Assert.Single(await database.Hazards.WriteAsync(Group(2030)));

        // Heat, cold, wildfire, drought, water, river, urban and typhoon rest on defaults; sea level only near the coast.
        Assert.Contains("fallback_share of SSP245/2030 is 0.8", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(
            1L,
            await database.ScalarAsync<long>(
                "SELECT count(*) FROM operations.gates WHERE NOT passed AND gate = 'fallback_share' AND subject = 'SSP245/2030' AND measured > 0.8"
            )
        );
        PartitionRecord record = (await database.Partitions.ReadAsync(HazardTable.Kind))["SSP245/2030"];
        Assert.Equal(PartitionState.Failed, record.State);
        Assert.Equal(900L, await database.ScalarAsync<long>("SELECT count(*) FROM hazard_results"));
    }

    [Fact]
    public async Task A_run_for_two_risks_in_a_box_leaves_the_other_scores_as_they_were()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(400, 2030, 2030, Scenario.Ssp245);
        await database.Hazards.WriteAsync(Group(2030));
        await database.ExecuteAsync("UPDATE climate.hazard_cells SET extreme_heat = 1, typhoon = 2");
        BoundingBox south = new(33, 124, 35, 133);

        await database.Hazards.WriteAsync(Group(2030) with { RiskMask = Risk.ExtremeHeat.Bit(), Box = south });

        Assert.Equal(400L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.hazard_cells WHERE typhoon = 2"));
        Assert.Equal(
            0L,
            await database.ScalarAsync<long>(
                "SELECT count(*) FROM hazard_results WHERE risk_type = 'extreme_heat' AND latitude <= 35 AND hazard_score = 0.01::real"
            )
        );
        Assert.Equal(
            0L,
            await database.ScalarAsync<long>(
                "SELECT count(*) FROM hazard_results WHERE risk_type = 'extreme_heat' AND latitude > 35 AND hazard_score <> 0.01::real"
            )
        );
    }

    [Fact]
    public async Task Heat_is_ordered_by_scenario_at_the_end_of_the_century()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(60, 2081, 2100, [.. Scenarios.All]);
        foreach (Scenario scenario in Scenarios.All)
        {
            await database.Hazards.WriteAsync(Group([.. Enumerable.Range(2081, 20)]) with { Scenario = scenario.Name() });
        }

        string[] order = await database.ScalarAsync<string[]>(
            """
            SELECT array_agg(scenario ORDER BY heat) FROM (
                SELECT scenario, avg(hazard_score) AS heat FROM hazard_results WHERE risk_type = 'extreme_heat' GROUP BY scenario) s
            """
        );

        Assert.Equal(Scenarios.Names, order);
        Assert.Equal(0L, await database.ScalarAsync<long>("SELECT count(*) FROM hazard_results WHERE used_fallback"));
    }

    [Fact]
    public async Task A_year_whose_mean_jumps_against_its_last_run_or_that_misses_cells_fails_its_gate_and_keeps_what_was_there()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(100, 2030, 2030, Scenario.Ssp245);
        await database.Hazards.WriteAsync(Group(2030));
        double mean = await database.ScalarAsync<double>("SELECT measured FROM operations.gates WHERE gate = 'mean_value' AND passed");
        Assert.Equal(
            await database.ScalarAsync<double>("SELECT avg(hazard_score::numeric(6, 2))::double precision FROM hazard_results"),
            mean,
            1e-9
        );
        await database.ExecuteAsync("UPDATE operations.gates SET measured = measured * 4 WHERE gate = 'mean_value'"); // as if the last run had been four times as high

        PartitionOutcome jumped = Assert.Single(await database.Hazards.WriteAsync(Group(2030) with { RunId = "second" }));
        Assert.Contains("change_against_last_run of SSP245/2030 is 0.75, allowed up to 0.5", jumped.Error, StringComparison.Ordinal);
        Assert.Null(Assert.Single(await database.Hazards.WriteAsync(Group(2030) with { RunId = "third", MaxChange = 0.8 })).Error);

        await database.ExecuteAsync("INSERT INTO climate.location_grid (grid_id, longitude, latitude) VALUES (999999, 127, 37)"); // imported, not packed
        PartitionOutcome incomplete = Assert.Single(await database.Hazards.WriteAsync(Group(2030) with { RunId = "fourth" }));
        Assert.Contains("row_count of SSP245/2030 is 100, allowed from 101 up to 101", incomplete.Error, StringComparison.Ordinal);
        Assert.Equal(900L, await database.ScalarAsync<long>("SELECT count(*) FROM hazard_results"));
    }

    [Fact]
    public async Task A_large_year_has_a_table_of_its_own_which_is_swapped_whole_and_keeps_what_a_partial_run_leaves_out()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(
            PartitionedTable.OwnTableRows,
            2030,
            2031,
            Scenario.Ssp245
        );
        await database.Hazards.WriteAsync(Group(2030, 2031));
        await database.ExecuteAsync(
            "UPDATE climate.hazard_cells SET typhoon = 2; INSERT INTO climate.hazard_cells_ssp245_shared SELECT 2, 2032, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, now()"
        );

        await database.Hazards.WriteAsync(Group(2030) with { RiskMask = Risk.ExtremeHeat.Bit() });
        await database.Hazards.WriteAsync(Group(2031));

        Assert.Equal(
            (long)PartitionedTable.OwnTableRows,
            await database.ScalarAsync<long>("SELECT count(*) FROM climate.hazard_cells_ssp245_2030 WHERE typhoon = 2")
        );
        Assert.Equal(
            (long)PartitionedTable.OwnTableRows,
            await database.ScalarAsync<long>("SELECT count(*) FROM climate.hazard_cells_ssp245_2031 WHERE typhoon <> 2")
        );
        Assert.Equal(1L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.hazard_cells_ssp245_shared"));
    }

    private static HazardGroup Group(params int[] years) =>
        new("test", DateTime.UtcNow, "SSP245", years, Risks.Mask([]), null, 10_000, 0.05, 0.5);
}
