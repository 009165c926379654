using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Model;

namespace Durable.Tests.Pipelines.Climate.Hazards;

/// <summary>Branches and defaults that the recorded vectors do not reach; expectations are computed by hand.</summary>
public sealed class HazardBranchTests
{
    private const double None = double.NaN;

    [Theory]
    [InlineData(None, None, 15, 0.3 * 0.25 + 0.3 * 10 / 30 + 0.2 * 15 / 50 + 0.2 * 0.25)] // su25 25, wsdi 10 by default
    [InlineData(50, 30, None, 0.15 + 0.3 + 0.2 * 15 / 50 + 0.1)] // tr25 15 by default
    public void Heat_fills_gaps_with_the_stated_days_and_says_so(double su25, double wsdi, double tr25, double expected)
    {
        HazardScore score = ExtremeHeat.Score(su25, wsdi, tr25);

        Assert.Equal(expected, score.Value, 1e-4);
        Assert.True(score.UsedFallback);
        Assert.Equal(new HazardScore(0.4, true), ExtremeHeat.Score(None, None, None));
        Assert.False(ExtremeHeat.Score(50, 30, 10).UsedFallback);
    }

    [Theory]
    [InlineData(None, 8, 5, -15, 0.3 * 10 / 30 + 0.3 * 8 / 20 + 0.2 * 5 / 50 + 0.2 * 15 / 20, true)]
    [InlineData(15, 10, 25, -10, 0.15 + 0.15 + 0.1 + 0.1, false)]
    [InlineData(0, None, None, None, 0.3 * 8 / 20 + 0.2 * 5 / 50 + 0.2 * 15 / 20, true)]
    public void Cold_adds_four_capped_terms(double frost, double spells, double ice, double coldest, double expected, bool fallback)
    {
        Assert.Equal(new HazardScore(Math.Round(expected, 4), fallback), ExtremeCold.Score(frost, spells, ice, coldest));
    }

    [Theory]
    [InlineData(-1, 1200, 10, 0.5, false)]
    [InlineData(-9, 1200, 10, 1.0, false)] // clamped to -3, then capped at 1
    [InlineData(None, None, 25, 0.2, true)] // rain 1200: s = -0.4 · 15/15 = -0.4
    [InlineData(None, 950, None, 0.3667, true)] // cdd 15: s = -0.6 - 0.1333
    [InlineData(None, 0, 10, 1.0, true)] // a true 0 mm: s = -2.88
    [InlineData(None, 1600, 10, 0.0, true)]
    public void Drought_prefers_the_index_and_estimates_without_it(double spei, double rain, double dry, double expected, bool fallback)
    {
        Assert.Equal(new HazardScore(expected, fallback), Drought.Score(spei, rain, dry));
    }

    [Theory]
    [InlineData(LandCover.Forest, 0.9), InlineData(LandCover.Water, 0.9), InlineData(LandCover.Wetland, 0.9)]
    [InlineData(LandCover.Grassland, 0.5 + 2.0 / 6), InlineData(LandCover.Agricultural, 0.5 + 0.5 / 6)]
    [InlineData(LandCover.Barren, 0.25), InlineData(LandCover.Urban, 0.325), InlineData(LandCover.Other, 0.325)]
    public void River_wetness_follows_the_land_cover(LandCover cover, double wetness)
    {
        // Rain 150 mm: 0.5; within 5 km of a river: factor 1.
        Assert.Equal(0.4 * wetness + 0.6 * 0.5, RiverFlood.Score(150, cover, 4999).Value, 1e-4);
    }

    [Theory]
    [InlineData(200, 2.0 / 3), InlineData(201, 0.505), InlineData(300, 1.0), InlineData(301, 0.9)]
    public void River_rain_keeps_the_published_jumps(double rain, double expected) =>
        Assert.Equal(expected, RiverFlood.RainScore(rain), 1e-9);

    [Theory]
    [InlineData(999, 1.2), InlineData(1000, 1.0), InlineData(5000, 0.8), InlineData(None, 0.8)]
    public void River_distance_weights_the_score(double distance, double factor)
    {
        HazardScore score = RiverFlood.Score(150, LandCover.Urban, distance);

        Assert.Equal((0.4 * 0.325 + 0.3) * factor, score.Value, 1e-4);
        Assert.Equal(double.IsNaN(distance), score.UsedFallback);
    }

    [Theory]
    [InlineData(LandCover.Water, 0.2, 50, 0)] // no drain at all
    [InlineData(LandCover.Urban, 0.76, 1001, 75)] // factor 1.0
    [InlineData(LandCover.Urban, 0.61, 501, 49.5)] // 55 · 0.9
    [InlineData(LandCover.Barren, 0.6, 101, 32)] // 40 · 0.8
    [InlineData(LandCover.Other, None, None, 38.5)] // 0.7 → 55, 100 buildings → 0.7
    public void Urban_drainage_follows_ground_and_buildings(LandCover cover, double sealedShare, double buildings, double drainage)
    {
        // RX1DAY 600 mm: 50 mm/h. Excess over 30 scores 0.9, less in proportion.
        double excess = 50 - drainage,
            excessScore = excess < 0 ? 0
            : excess > 30 ? 0.9
            : excess / 30 * 0.9;
        Assert.Equal(
            Math.Min(1, 0.5 * (1 - drainage / 80) + 0.5 * excessScore),
            UrbanFlood.Score(600, cover, sealedShare, buildings).Value,
            1e-4
        );
    }

    [Theory]
    [
        InlineData(0, 0),
        InlineData(15, 0.2),
        InlineData(30, 0.4),
        InlineData(40, 0.55),
        InlineData(50, 0.7),
        InlineData(75, 0.85),
        InlineData(100, 1),
        InlineData(-5, 0)
    ]
    public void Sea_level_rises_along_its_curve(double centimetres, double expected) =>
        Assert.Equal(expected, SeaLevelRise.Score(centimetres, 100).Value, 1e-9);

    [Fact]
    public void Sea_level_is_no_hazard_inland_and_defaults_are_distinguished()
    {
        Assert.Equal(new HazardScore(0, false), SeaLevelRise.Score(90, 10_000));
        Assert.Equal(new HazardScore(0, true), SeaLevelRise.Score(90, None)); // 50 km by default
        Assert.Equal(new HazardScore(0.4, true), SeaLevelRise.Score(None, 500)); // 30 cm by default
        Assert.Equal(new HazardScore(0, false), SeaLevelRise.Score(None, 20_000)); // the missing rise was not needed
    }

    [Theory]
    [InlineData(999, 0.2), InlineData(1000, 0.4), InlineData(1499, 0.4), InlineData(1500, 0.7), InlineData(2000, 1.0)]
    public void Water_stress_steps_with_demand_over_supply(double usage, double expected)
    {
        // Supply 1000 mm · 1 km² · 1.0 against usage in 10³ m³: the ratio is usage/1000.
        Assert.Equal(new HazardScore(expected, false), WaterStress.Score(1000, usage, 1, 1));
        Assert.Equal(new HazardScore(1.0, false), WaterStress.Score(0, usage, 1, 1)); // no rain, no supply
    }

    [Theory]
    [InlineData(499, 400), InlineData(500, 250), InlineData(1000, 150), InlineData(1500, 50)]
    public void Wildfire_dries_out_with_the_rain_of_the_year(double rain, double droughtCode)
    {
        // 10 °C, 60 %, 1 m/s: ffmc 85 - 30 + 3 = 58, isi 4 + 3.75 = 7.75.
        double index = 0.4 * 58 / 101 + 0.3 * 7.75 / 37 + 0.3 * 0.8 * droughtCode / 292;
        Assert.Equal(index, Wildfire.Score(10, 60, 1, rain, LandCover.Urban).Value, 1e-4);
        Assert.Equal(Math.Min(1, index * 1.3), Wildfire.Score(10, 60, 1, rain, LandCover.Forest).Value, 1e-4);
        Assert.Equal(Math.Min(1, index * 1.2), Wildfire.Score(10, 60, 1, rain, LandCover.Grassland).Value, 1e-4);
        Assert.Equal(index * 0.8, Wildfire.Score(10, 60, 1, rain, LandCover.Agricultural).Value, 1e-4);
        Assert.True(Wildfire.Score(None, 60, 1, rain, LandCover.Urban).UsedFallback);
    }

    [Fact]
    public void A_typhoon_on_the_spot_without_rain_data_uses_the_rain_its_wind_brings()
    {
        TyphoonExposure strong = Typhoon.Expose(35, 128, [new(35, 128, 40)]),
            weak = Typhoon.Expose(35, 128, [new(35, 128, 10)]);

        Assert.Equal(new HazardScore(0.71, true), Typhoon.Score(strong, None)); // 0.55 · 40/50 + 0.45 · 300/500
        Assert.Equal(new HazardScore(0.2, true), Typhoon.Score(weak, None)); // 0.55 · 10/50 + 0.45 · 100/500
        Assert.Equal(new HazardScore(0.1, false), Typhoon.Score(default, 200));
        Assert.Equal(new HazardScore(0.1, true), Typhoon.Score(default, 200, tracksKnown: false));
    }

    [Fact]
    public void Only_the_hundred_nearest_fixes_count_and_none_beyond_the_gale_radius()
    {
        TyphoonExposure exposure = Typhoon.Expose(
            35,
            128,
            [.. Enumerable.Range(0, 120).Select(i => new TrackPoint(35 + i * 0.001, 128, 30)), new(37, 128, 50)]
        );

        Assert.Equal(100, exposure.Points);
        Assert.Equal(0, Typhoon.Expose(35, 128, [new(36.8, 128, 50)]).Points); // 1.8° = 200.2 km
    }

    [Fact]
    public void Each_risk_flags_its_own_fallback()
    {
        GridColumns annual = new(1),
            place = new(1);
        foreach (GridVariable variable in GridVariables.Annual)
            annual[variable][0] = 10;
        foreach (GridVariable variable in GridVariables.Static)
            place[variable][0] = 3;
        Assert.Equal(0, Score(annual, place));

        (GridVariable Missing, Risk[] Flagged)[] cases =
        [
            (GridVariable.SummerDays, [Risk.ExtremeHeat]),
            (GridVariable.ColdestNight, [Risk.ExtremeCold]),
            (GridVariable.Wind, [Risk.Wildfire]),
            (GridVariable.Spei12June, [Risk.Drought]),
            (GridVariable.WaterUsage, [Risk.WaterStress]),
            (GridVariable.SeaLevel, [Risk.SeaLevelRise]),
            (GridVariable.RiverDistance, [Risk.RiverFlood]),
            (GridVariable.BuildingCount, [Risk.UrbanFlood]),
            (GridVariable.TyphoonPoints, [Risk.Typhoon]),
            (GridVariable.WettestDay, [Risk.RiverFlood, Risk.UrbanFlood, Risk.Typhoon]),
            (GridVariable.AnnualRain, [Risk.Wildfire, Risk.WaterStress]),
        ];
        foreach ((GridVariable missing, Risk[] flagged) in cases)
        {
            GridColumns columns = (short)missing < 100 ? annual : place;
            float value = columns[missing][0];
            columns[missing][0] = float.NaN;
            Assert.Equal(Risks.Mask(flagged), Score(annual, place));
            columns[missing][0] = value;
        }

        annual.MarkMonthly(GridVariable.FrostDays);
        Assert.Equal(HazardYear.MonthlyColdBit, Score(annual, place));
    }

    [Fact]
    public void A_score_outside_its_range_is_an_error_and_never_a_zero()
    {
        GridColumns annual = new(1),
            place = new(1);
        annual[GridVariable.SummerDays][0] = -500; // nonsense that no default covers

        Assert.Throws<InvalidOperationException>(() => Score(annual, place));
    }

    private static int Score(GridColumns annual, GridColumns place) => new HazardYear(annual, place).Score(0, new short[Risks.Count]);
}
