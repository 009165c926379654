using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;
using static Durable.Pipelines.Climate.Grid.GridVariable;

namespace Durable.Tests.Pipelines.Climate.Hazards;

/// <summary>Every threshold of the nine scores, met exactly and just missed, with values as columns store them: 0.6 as a 32-bit float is
/// 0.60000002.</summary>
public sealed class HazardThresholdTests
{
    [Theory]
    // Each term is capped at its weight: 0.3 + 0.3 + 0.2 + 0.2.
    [
        InlineData(100, 30, 50, 100.00),
        InlineData(101, 31, 51, 100.00),
        InlineData(99, 30, 50, 99.50),
        InlineData(100, 29, 50, 99.00),
        InlineData(100, 30, 49, 99.60)
    ]
    public void Heat(float summerDays, float spells, float nights, double expected) =>
        Expect(Risk.ExtremeHeat, expected, (SummerDays, summerDays), (WarmSpellDays, spells), (TropicalNights, nights));

    [Theory]
    [
        InlineData(30, 20, 50, -20, 100.00),
        InlineData(31, 21, 51, -21, 100.00),
        InlineData(29, 20, 50, -20, 99.00),
        InlineData(30, 19, 50, -20, 98.50),
        InlineData(30, 20, 49, -20, 99.60),
        InlineData(30, 20, 50, -19.9f, 99.90)
    ]
    public void Cold(float frost, float spells, float ice, float coldest, double expected) =>
        Expect(Risk.ExtremeCold, expected, (FrostDays, frost), (ColdSpellDays, spells), (IceDays, ice), (ColdestNight, coldest));

    [Theory]
    [InlineData(0, 0), InlineData(-0.1f, 5), InlineData(-1.99f, 99.5), InlineData(-2, 100), InlineData(-3.1f, 100), InlineData(3.1f, 0)]
    public void Dry_index(float spei, double expected) => Expect(Risk.Drought, expected, (Spei12June, spei));

    [Theory]
    // 10 °C, 60 %, 1 m/s: 0.4·58/101 + 0.3·7.75/37 = 0.292541; the drought code adds 0.3·0.8·dc/292.
    [
        InlineData(499.9f, 400),
        InlineData(500, 250),
        InlineData(999.9f, 250),
        InlineData(1000, 150),
        InlineData(1499.9f, 150),
        InlineData(1500, 50)
    ]
    public void Wildfire_rain(float rain, double droughtCode) =>
        Expect(
            Risk.Wildfire,
            100 * (0.292541 + 0.24 * droughtCode / 292),
            (Temperature, 10),
            (Humidity, 60),
            (Wind, 1),
            (AnnualRain, rain)
        );

    [Theory]
    // Demand over supply (1000 mm on 1 km²) of exactly 1, 1.5 and 2, with coefficients that no binary fraction holds, and just below.
    [
        InlineData(0.60f),
        InlineData(0.58f),
        InlineData(0.65f),
        InlineData(0.62f),
        InlineData(0.55f),
        InlineData(0.50f),
        InlineData(0.7f),
        InlineData(0.1f)
    ]
    public void Water_stress_ratio(float runoff)
    {
        foreach (
            (double ratio, double expected) in new[] { (0.99, 20.0), (1.0, 40.0), (1.49, 40.0), (1.5, 70.0), (1.99, 70.0), (2.0, 100.0) }
        )
        {
            float usage = (float)(decimal.Round((decimal)runoff * 1000 * (decimal)ratio, 4));
            Expect(Risk.WaterStress, expected, (AnnualRain, 1000), (BasinArea, 1), (BasinRunoff, runoff), (WaterUsage, usage));
        }
    }

    [Theory]
    [
        InlineData(10_000, 100, 0),
        InlineData(9999.9f, 100, 100),
        InlineData(0, 29.9f, 39.87),
        InlineData(0, 30, 40),
        InlineData(0, 49.9f, 69.85),
        InlineData(0, 50, 70),
        InlineData(0, 99.9f, 99.94),
        InlineData(0, 100, 100),
        InlineData(0, -1, 0)
    ]
    public void Sea_level(float coast, float rise, double expected) =>
        Expect(Risk.SeaLevelRise, expected, (CoastDistance, coast), (SeaLevel, rise));

    [Theory]
    // Urban ground: 0.4·0.325 = 0.13. Rain 200 mm: 0.6·0.6667; 200.1: 0.6·0.5005; 300: 0.6; 300.1: 0.6·0.9.
    [
        InlineData(200, 5000, 42.40),
        InlineData(200.1f, 5000, 34.42),
        InlineData(300, 5000, 58.40),
        InlineData(300.1f, 5000, 53.60),
        InlineData(150, 999.9f, 51.60),
        InlineData(150, 1000, 43.00),
        InlineData(150, 4999.9f, 43.00),
        InlineData(150, 5000, 34.40)
    ]
    public void River_flood(float rain, float river, double expected) =>
        Expect(Risk.RiverFlood, expected, (WettestDay, rain), (RiverDistance, river));

    [Theory]
    // 100 mm a day are 8.3 mm an hour, less than any drain here: H = 0.5·(1 − drainage/80). 0.6: 40·0.7 = 28; above it 55·0.7 = 38.5; above
    // 0.75 75·0.7 = 52.5.
    [
        InlineData(0.6f, 100, 32.50),
        InlineData(0.61f, 100, 25.94),
        InlineData(0.7f, 100, 25.94),
        InlineData(0.75f, 100, 25.94),
        InlineData(0.76f, 100, 17.19),
        InlineData(0.59f, 100, 32.50),
        InlineData(0.3f, 101, 30.00),
        InlineData(0.3f, 500, 30.00),
        InlineData(0.3f, 501, 27.50),
        InlineData(0.3f, 1000, 27.50),
        InlineData(0.3f, 1001, 25.00)
    ]
    public void Urban_flood(float impervious, float buildings, double expected) =>
        Expect(Risk.UrbanFlood, expected, (WettestDay, 100), (ImperviousRatio, impervious), (BuildingCount, buildings));

    [Theory]
    // Drainage 28 mm/h: 336 mm a day fill it, 696 mm exceed it by 30. H = 0.325 + 0.5·excess.
    [InlineData(336, 32.50), InlineData(342, 33.25), InlineData(696, 77.50), InlineData(720, 77.50)]
    public void Urban_flood_excess(float rain, double expected) =>
        Expect(Risk.UrbanFlood, expected, (WettestDay, rain), (ImperviousRatio, 0.6f), (BuildingCount, 100));

    [Theory]
    // On the spot: 0.55·min(vmax/50, 1) + 0.45·min(rain/500, 1).
    [InlineData(500, 50, 100.00), InlineData(600, 60, 100.00), InlineData(499, 50, 99.91), InlineData(500, 49.9f, 99.89)]
    public void Typhoon_caps(float rain, float wind, double expected)
    {
        TyphoonExposure exposure = Typhoon.Expose(35, 128, [new(35, 128, wind)]);
        Expect(
            Risk.Typhoon,
            expected,
            (WettestDay, rain),
            (TyphoonPoints, 1),
            (TyphoonWind, (float)exposure.Wind),
            (TyphoonNearness, (float)exposure.Nearness),
            (TyphoonWindyPoints, 1)
        );
    }

    [Theory]
    // Without rain: 300 mm from 33 m/s, 200 mm from 25 m/s, else 100 mm.
    [InlineData(33, 0.633), InlineData(32.9f, 0.5419), InlineData(25, 0.455), InlineData(24.9f, 0.3639)]
    public void Typhoon_rain_by_wind(float wind, double expected) =>
        Assert.Equal(expected, Typhoon.Score(Typhoon.Expose(35, 128, [new(35, 128, wind)]), double.NaN).Value, 1e-9);

    [Fact]
    public void Bins_hold_a_value_that_meets_their_edge_in_the_precision_of_columns()
    {
        double depth = Intensity.Inundation(90, 0.6f); // 0.29999998 in binary, 0.3 m as stated
        Assert.True(depth < 0.3);
        Assert.Equal(1, BinSchemes.SeaLevelRise.IntervalOf(depth));
        Assert.Equal(0, BinSchemes.SeaLevelRise.IntervalOf(0.299));
        Assert.Equal(
            (1, 2, 3),
            (BinSchemes.WaterStress.IntervalOf(0.2f), BinSchemes.WaterStress.IntervalOf(0.4f), BinSchemes.WaterStress.IntervalOf(0.8f))
        );
        Assert.Equal((1, 2), (BinSchemes.Wildfire.IntervalOf(11.2f), BinSchemes.Wildfire.IntervalOf(21.3f)));
        Assert.Equal((0, 1), (BinSchemes.Drought.IntervalOf(-2f), BinSchemes.Drought.IntervalOf(-1.5f))); // (−∞, −2] and (−2, −1.5]
    }

    [Theory]
    [
        InlineData(0.6f, 0.6),
        InlineData(0.1f, 0.1),
        InlineData(1234.5f, 1234.5),
        InlineData(16777216f, 16777216),
        InlineData(-0.35f, -0.35),
        InlineData(0f, 0),
        InlineData(3.4e38f, 3.4e38f)
    ]
    public void A_stored_value_is_read_as_it_was_stated(float stored, double stated) => Assert.Equal(stated, Stated.Of(stored));

    [Fact]
    public void What_is_no_number_stays_none()
    {
        Assert.True(double.IsNaN(Stated.Of(float.NaN)));
        Assert.Equal(1f / 3, Stated.Of(1f / 3), 1e-9);
    }

    /// <param name="expected">100·H.</param>
    private static void Expect(Risk risk, double expected, params (GridVariable Variable, float Value)[] inputs)
    {
        GridColumns annual = new(1),
            place = new(1);
        foreach (GridVariable variable in GridVariables.Annual)
            annual[variable][0] = 1;
        foreach (GridVariable variable in GridVariables.Static)
            place[variable][0] = 1;
        place[GridVariable.LandCover][0] = (float)Durable.Pipelines.Climate.Model.LandCover.Urban;
        foreach ((GridVariable variable, float value) in inputs)
            (GridVariables.Annual.Contains(variable) ? annual : place)[variable][0] = value;
        short[] scores = new short[Risks.Count];

        new HazardYear(annual, place).Score(0, scores);

        Assert.Equal(Math.Round(expected * 100), scores[(int)risk]);
    }
}
