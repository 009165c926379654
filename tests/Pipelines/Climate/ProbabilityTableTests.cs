using Durable.Pipelines.Climate;
using Durable.Pipelines.Climate.Probability;
using Durable.Pipelines.Operations;

namespace Durable.Tests.Pipelines.Climate;

public sealed class ProbabilityTableTests
{
    [Fact]
    public async Task A_tile_holds_every_target_year_with_bins_that_sum_to_one_and_losses_within_the_damage_rates()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(50, 2021, 2100, Scenario.Ssp585);

        PartitionOutcome outcome = await database.Probabilities.WriteAsync(Task());

        Assert.Null(outcome.Error);
        Assert.Equal((4000L, 36000L), (outcome.Rows, outcome.Values));
        Assert.Equal(36000L, await database.ScalarAsync<long>("SELECT count(*) FROM probability_results"));
        Assert.Equal(0L, await database.ScalarAsync<long>("""
            SELECT count(*) FROM probability_results, LATERAL (SELECT sum(p) AS total, min(p) AS least FROM unnest(bin_probs) p) s
            WHERE abs(total - 1) > 1e-6 OR least < 0 OR aal < damage_rates[1] OR aal > damage_rates[cardinality(damage_rates)]
            """));
        Assert.Equal(7L, await database.ScalarAsync<long>("SELECT count(*) FROM operations.gates WHERE run_id = 'test' AND subject = 'SSP585/tile-0' AND passed"));
        // Stored bins are rounded to 0.0001, the loss is not: they agree to the rounding of five bins.
        Assert.Equal(0L, await database.ScalarAsync<long>("""
            SELECT count(*) FROM probability_results, LATERAL (SELECT sum(p * d) AS loss FROM unnest(bin_probs, damage_rates) AS u (p, d)) s
            WHERE abs(loss - aal) > 0.0001
            """));
    }

    [Fact]
    public async Task A_rolling_window_sees_the_warming_and_the_full_series_does_not() // trap d: every target year held the same value
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(40, 2021, 2100, Scenario.Ssp585);
        const string Heat = "SELECT avg(aal) FILTER (WHERE target_year = 2100) - avg(aal) FILTER (WHERE target_year = 2021) FROM probability_results WHERE risk_type = 'extreme_heat'";

        await database.Probabilities.WriteAsync(Task());
        double rolling = await database.ScalarAsync<double>(Heat);
        await database.Probabilities.WriteAsync(Task() with { Window = SampleWindow.FullSeries });
        double full = await database.ScalarAsync<double>(Heat);

        Assert.True(rolling > 0.005, $"rolling difference {rolling}");
        Assert.Equal(0, full, 1e-12);
    }

    [Fact]
    public async Task A_few_years_replace_only_themselves()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(30, 2021, 2100, Scenario.Ssp126);
        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP126" });
        await database.ExecuteAsync("UPDATE climate.probability_cells SET drought = 1");

        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP126", StartYear = 2030, EndYear = 2031 });

        Assert.Equal(60L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.probability_cells WHERE drought <> 1"));
        Assert.Equal(2400L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.probability_cells"));
    }

    [Fact]
    public async Task A_risk_without_any_input_is_stored_as_unknown_and_counted_never_as_no_loss() // trap f
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(20, 2021, 2100, Scenario.Ssp245);
        await database.ExecuteAsync("DELETE FROM climate.cell_series WHERE variable = 6"); // no warm-spell days

        PartitionOutcome refused = await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP245" });
        PartitionOutcome allowed = await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP245", MaxFallbackShare = 0.2 });

        Assert.Contains("fallback_share of SSP245/tile-0 is 0.111111", refused.Error, StringComparison.Ordinal); // one risk of nine
        Assert.Equal((null, 1600L), (allowed.Error, allowed.Fallbacks));
        Assert.Equal(0L, await database.ScalarAsync<long>("SELECT count(*) FROM probability_results WHERE risk_type = 'extreme_heat'"));
        Assert.Equal(1600L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.probability_cells WHERE fallbacks = 1"));
    }

    private static ProbabilityTask Task() => new("test", DateTime.UtcNow, "SSP585", 0, 2021, 2100, SampleWindow.Rolling30, Risks.Mask([]), null, 10_000, 0.05, 0.5);
}
