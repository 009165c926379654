using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Sample;

namespace Durable.Tests.Pipelines.Climate.Sample;

public sealed class SampleClimateTests
{
    [Fact]
    public void The_same_seed_gives_the_same_climate_and_another_seed_another()
    {
        float[] Rain(int seed)
        {
            SampleClimate sample = new(100, seed);
            return sample.Year(Scenario.Ssp245, 2050, sample.Tiles()[0])[GridVariable.AnnualRain];
        }

        Assert.Equal(Rain(1), Rain(1));
        Assert.NotEqual(Rain(1), Rain(2));
        Assert.Equal(SampleStorms.Fixes(1), SampleStorms.Fixes(1));
    }

    [Fact]
    public void The_grid_lies_where_the_country_lies_and_no_place_appears_twice()
    {
        IReadOnlyList<Tile> tiles = new SampleClimate(9000, 1).Tiles();
        (double, double)[] places = [.. tiles.SelectMany(tile => tile.Latitudes.Zip(tile.Longitudes))];

        Assert.Equal([4096, 4096, 808], tiles.Select(tile => tile.Cells));
        Assert.Equal(9000, places.Distinct().Count());
        Assert.All(places, place => Assert.True(BoundingBox.Grid.Contains(place.Item1, place.Item2)));
    }

    [Fact]
    public void Every_value_is_one_that_nature_could_have_made()
    {
        (GridVariable Variable, float Least, float Most)[] ranges =
        [
            (GridVariable.Temperature, -5, 30),
            (GridVariable.SummerDays, 0, 366),
            (GridVariable.FrostDays, 0, 366),
            (GridVariable.ColdestNight, -50, 10),
            (GridVariable.AnnualRain, 300, 4000),
            (GridVariable.WettestDay, 20, 1200),
            (GridVariable.Humidity, 20, 100),
            (GridVariable.Wind, 0.1f, 20),
            (GridVariable.Spei12June, -3, 3),
            (GridVariable.DryDays, 0, 120),
        ];
        SampleClimate sample = new(500, 4);
        foreach (Scenario scenario in Scenarios.All)
        {
            GridColumns year = sample.Year(scenario, 2095, sample.Tiles()[0]);
            Assert.All(ranges, range => Assert.All(year[range.Variable], value => Assert.InRange(value, range.Least, range.Most)));
            Assert.All(year[GridVariable.Spei12Lowest].Zip(year[GridVariable.Spei12June]), pair => Assert.True(pair.First <= pair.Second));
            Assert.All(year[GridVariable.WettestDay].Zip(year[GridVariable.AnnualRain]), pair => Assert.True(pair.First < pair.Second));
        }
    }

    [Fact]
    public void Warming_and_the_sea_are_ordered_by_scenario_at_the_end_of_the_century()
    {
        SampleClimate sample = new(200, 9);
        Tile tile = sample.Tiles()[0];
        double[] warmth =
        [
            .. Scenarios.All.Select(scenario =>
                Enumerable.Range(2081, 20).Average(year => sample.Year(scenario, year, tile)[GridVariable.Temperature].Average())
            ),
        ];
        double[] sea = [.. Scenarios.All.Select(scenario => sample.SeaLevel(scenario, 2100, 1))];

        Assert.Equal(warmth.Order(), warmth);
        Assert.Equal(4, warmth.Distinct().Count());
        Assert.Equal(sea.Order(), sea);
        Assert.InRange(warmth[3] - warmth[0], 2.5, 5);
    }

    [Fact]
    public void One_year_had_no_storm_and_every_storm_passes_the_grid()
    {
        StormFix[] fixes = [.. SampleStorms.Fixes(3)];

        Assert.DoesNotContain(fixes, fix => fix.Year == SampleStorms.QuietYear);
        Assert.All(fixes.GroupBy(fix => fix.StormId), storm => Assert.Contains(storm, fix => fix.Latitude is > 33 and < 39));
    }
}
