using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;
using Durable.Pipelines.Climate.Results;
using Durable.Tests.Pipelines.Climate.Probability;
using Npgsql;

namespace Durable.Tests.Pipelines.Climate;

public sealed class ProbabilityTableTests
{
    [Fact]
    public async Task A_tile_holds_every_target_year_with_bins_that_sum_to_one_and_losses_within_the_damage_rates()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(50, 2021, 2100, Scenario.Ssp585);

        PartitionOutcome outcome = await database.Probabilities.WriteAsync(Task());

        Assert.Null(outcome.Error);
        Assert.Equal((450L, 36000L), (outcome.Rows, outcome.Values));
        Assert.Equal(36000L, await database.ScalarAsync<long>("SELECT count(*) FROM probability_results"));
        Assert.Equal(
            0L,
            await database.ScalarAsync<long>(
                """
                SELECT count(*) FROM probability_results, LATERAL (SELECT sum(p) AS total, min(p) AS least FROM unnest(bin_probs) p) s
                WHERE abs(total - 1) > 1e-6 OR least < 0 OR aal < damage_rates[1] OR aal > damage_rates[cardinality(damage_rates)]
                """
            )
        );
        Assert.Equal(
            7L,
            await database.ScalarAsync<long>(
                "SELECT count(*) FROM operations.gates WHERE run_id = 'test' AND subject = 'SSP585/tile-0' AND passed"
            )
        );
        // Stored bins are rounded to 0.0001, the loss is not: they agree to the rounding of five bins.
        Assert.Equal(
            0L,
            await database.ScalarAsync<long>(
                """
                SELECT count(*) FROM probability_results,
                    LATERAL (SELECT sum(p * d) AS loss FROM unnest(bin_probs, damage_rates) AS u (p, d)) s
                WHERE abs(loss - aal) > 0.0001
                """
            )
        );
    }

    [Fact]
    public async Task A_rolling_window_sees_the_warming_and_the_full_series_does_not() // trap d: every target year held the same value
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(40, 2021, 2100, Scenario.Ssp585);
        const string Heat =
            "SELECT avg(aal) FILTER (WHERE target_year = 2100) - avg(aal) FILTER (WHERE target_year = 2021) FROM probability_results WHERE risk_type = 'extreme_heat'";

        await database.Probabilities.WriteAsync(Task());
        double rolling = await database.ScalarAsync<double>(Heat);
        await database.Probabilities.WriteAsync(Task() with { Window = SampleWindow.FullSeries });
        double full = await database.ScalarAsync<double>(Heat);

        Assert.True(rolling > 0.005, $"rolling difference {rolling}");
        Assert.Equal(0, full, 1e-12);
    }

    [Fact]
    public async Task Full_series_and_rolling_rows_say_what_they_hold_in_sql_as_in_code()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(12, 2021, 2100, Scenario.Ssp370);
        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP370" });

        await using NpgsqlCommand command = database.Source.CreateCommand(
            """
            SELECT c.years, c.first_year, r.target_year, r.aal, r.bin_probs FROM climate.probability_cells c
            JOIN climate.risks k USING (risk_id)
            JOIN probability_results r ON r.grid_id = c.grid_id AND r.risk_type = k.risk_type
            """
        );
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        int rows = 0;
        for (; await reader.ReadAsync(); rows++)
        {
            byte[] years = reader.GetFieldValue<byte[]>(0);
            ReadOnlySpan<byte> year = years.AsSpan(
                years.Length == PackedYears.Size ? 0 : (reader.GetInt32(2) - reader.GetInt16(1)) * PackedYears.Size,
                PackedYears.Size
            );
            double[] bins = reader.GetFieldValue<double[]>(4);
            Assert.Equal(PackedYears.Loss(year) / 1e6, reader.GetDouble(3), 1e-12);
            Assert.Equal(Unpacked.Bins(year, bins.Length), bins);
        }

        Assert.Equal(12 * 9 * 80, rows);
    }

    [Fact]
    public async Task A_few_years_replace_only_themselves()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(30, 2021, 2100, Scenario.Ssp126);
        const string Loss = "SELECT count(*) FROM probability_results WHERE aal = 0.000001";
        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP126" });
        // One millionth in every year, also where a single year stands for all.
        await database.ExecuteAsync(
            "UPDATE climate.probability_cells SET years = decode(repeat('01000000000000000000', length(years) / 10), 'hex')"
        );
        Assert.Equal(30L * 9 * 80, await database.ScalarAsync<long>(Loss));

        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP126", StartYear = 2030, EndYear = 2031 });
        Assert.Equal(30L * 9 * 78, await database.ScalarAsync<long>(Loss + " AND target_year NOT IN (2030, 2031)"));
        Assert.True(await database.ScalarAsync<long>(Loss + " AND target_year IN (2030, 2031)") == 0);

        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP126", RiskMask = Risk.Drought.Bit() });
        Assert.Equal(0L, await database.ScalarAsync<long>(Loss + " AND risk_type = 'drought'"));
        Assert.Equal(30L * 8 * 78, await database.ScalarAsync<long>(Loss));
        Assert.Equal(30L * 9 * 80, await database.ScalarAsync<long>("SELECT count(*) FROM probability_results"));
    }

    [Fact]
    public async Task A_part_computed_again_comes_out_as_it_was_byte_for_byte()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(25, 2021, 2100, Scenario.Ssp585);
        const string Digest = "SELECT md5(string_agg(encode(years, 'hex'), ',' ORDER BY grid_id, risk_id)) FROM climate.probability_cells";
        await database.Probabilities.WriteAsync(Task());
        string whole = await database.ScalarAsync<string>(Digest);

        await database.Probabilities.WriteAsync(Task() with { StartYear = 2047, EndYear = 2063 });
        await database.Probabilities.WriteAsync(
            Task() with
            {
                StartYear = 2100,
                EndYear = 2100,
                RiskMask = Risk.RiverFlood.Bit() | Risk.Wildfire.Bit(),
            }
        );

        Assert.Equal(whole, await database.ScalarAsync<string>(Digest));
    }

    [Fact]
    public async Task Years_that_were_never_computed_have_no_row_until_they_are()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(10, 2021, 2100, Scenario.Ssp245);
        const string Years = "SELECT string_agg(DISTINCT target_year::text, ',' ORDER BY target_year::text) FROM probability_results";

        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP245", StartYear = 2030, EndYear = 2031 });
        Assert.Equal("2030,2031", await database.ScalarAsync<string>(Years));
        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP245", StartYear = 2034, EndYear = 2034 });
        Assert.Equal("2030,2031,2034", await database.ScalarAsync<string>(Years));
        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP245", StartYear = 2029, EndYear = 2036 });
        Assert.Equal("2029,2030,2031,2032,2033,2034,2035,2036", await database.ScalarAsync<string>(Years));
    }

    [Fact]
    public async Task A_box_replaces_its_cells_only()
    {
        await using ClimateDatabase database = await ClimateDatabase.WithSampleAsync(40, 2021, 2100, Scenario.Ssp245);
        await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP245" });
        await database.ExecuteAsync("UPDATE climate.probability_cells SET created_at = '2020-01-01'");
        (double south, double west) = (
            await database.ScalarAsync<double>("SELECT min(latitude)::float8 FROM climate.location_grid"),
            await database.ScalarAsync<double>("SELECT min(longitude)::float8 FROM climate.location_grid")
        );
        BoundingBox box = new(south, west, south + 0.005, west + 0.025);
        long inside = await database.ScalarAsync<long>(
            FormattableString.Invariant(
                $"SELECT count(*) FROM climate.location_grid WHERE latitude <= {box.North} AND longitude <= {box.East}"
            )
        );

        PartitionOutcome outcome = await database.Probabilities.WriteAsync(Task() with { Scenario = "SSP245", Box = box });

        Assert.InRange(inside, 1, 39);
        Assert.Equal((null, inside * 9), (outcome.Error, outcome.Rows));
        Assert.Equal(
            inside * 9,
            await database.ScalarAsync<long>("SELECT count(*) FROM climate.probability_cells WHERE created_at > '2020-01-02'")
        );
        Assert.Equal(360L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.probability_cells"));
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
        Assert.Equal(
            20L,
            await database.ScalarAsync<long>("SELECT count(*) FROM climate.probability_cells WHERE fallback AND risk_id = 0")
        );
        Assert.Equal(20L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.probability_cells WHERE fallback"));
    }

    private static ProbabilityTask Task() =>
        new("test", DateTime.UtcNow, "SSP585", 0, 2021, 2100, SampleWindow.Rolling30, Risks.Mask([]), null, 10_000, 0.05, 0.5);
}
