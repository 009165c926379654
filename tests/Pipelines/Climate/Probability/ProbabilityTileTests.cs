using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;
using Durable.Pipelines.Climate.Sample;

namespace Durable.Tests.Pipelines.Climate.Probability;

public sealed class ProbabilityTileTests
{
    [Theory]
    [InlineData(SampleWindow.Rolling30, 2100), InlineData(SampleWindow.Rolling30, 2097), InlineData(SampleWindow.FullSeries, 2099)]
    public void A_cell_comes_out_the_same_alone_as_among_others(string window, int lastYear)
    {
        const int Cells = 37;
        SampleClimate sample = new(Cells, 11);
        Tile tile = sample.Tiles()[0];
        SortedDictionary<int, GridColumns> years = new(
            Enumerable.Range(2021, lastYear - 2020).ToDictionary(year => year, year => sample.Year(Scenario.Ssp585, year, tile))
        );
        SortedDictionary<int, GridColumns> storms = new(Enumerable.Range(1991, 30).ToDictionary(year => year, year => Storms(year, Cells)));
        GridColumns place = new(Cells);
        for (int cell = 0; cell < Cells; cell++)
        {
            (place[GridVariable.Elevation][cell], place[GridVariable.Withdrawal][cell], place[GridVariable.RenewableWater][cell]) = (
                cell % 5 * 0.2f,
                1e9f,
                cell % 7 == 0 ? float.NaN : 5e9f
            );
        }

        ProbabilityTile together = new(years, place, storms, 2021, lastYear, window, Risks.Mask([]));
        together.Compute([.. Enumerable.Range(0, Cells)]);

        foreach (int cell in new[] { 36, 0, 15, 16, 17, 31 })
        {
            SortedDictionary<int, GridColumns> Only(SortedDictionary<int, GridColumns> all, params IEnumerable<GridVariable> variables) =>
                new(all.ToDictionary(year => year.Key, year => One(year.Value, cell, variables)));
            ProbabilityTile alone = new(
                Only(years, GridVariables.Annual),
                One(place, cell, GridVariables.Static),
                Only(storms, GridVariable.TyphoonIndex),
                2021,
                lastYear,
                window,
                Risks.Mask([])
            );
            alone.Compute([0]);

            Assert.Equal(alone.Fallbacks[0], together.Fallbacks[cell]);
            foreach (Risk risk in Risks.All)
                Assert.Equal(alone.Years(0, risk).ToArray(), together.Years(cell, risk).ToArray());
        }
    }

    [Fact]
    public void Fire_weather_of_a_series_is_that_of_its_years()
    {
        Random random = new(5);
        float[] Values(double from, double to) =>
            [.. Enumerable.Range(0, 83).Select(_ => random.Next(20) == 0 ? float.NaN : (float)(from + random.NextDouble() * (to - from)))];
        float[] temperature = Values(-5, 30),
            humidity = Values(20, 110),
            wind = Values(0, 9),
            rain = Values(200, 3000);
        double[] index = new double[83],
            one = new double[1];

        Assert.True(Intensity.FireWeather(temperature, humidity, wind, rain, index));

        for (int year = 0; year < index.Length; year++)
        {
            // The published formula, written out again: √(1 − RH/100)·e^(0.05039·WS·3.6)·e^(0.08(TA − 5))·e^(−0.0005·RN/12)·5, with its
            // stated defaults.
            static double Or(float value, double fallback) => float.IsNaN(value) ? fallback : value;
            double expected =
                Math.Sqrt(Math.Max(0, 1 - Or(humidity[year], 65) / 100))
                * Math.Exp(0.05039 * Or(wind[year], 3.5) * 3.6)
                * Math.Exp(0.08 * (Or(temperature[year], 15) - 5))
                * Math.Exp(-0.0005 * Or(rain[year], 1200) / 12)
                * 5;
            Assert.Equal(expected, index[year], expected * 1e-12);
            Intensity.FireWeather([temperature[year]], [humidity[year]], [wind[year]], [rain[year]], one);
            Assert.Equal(expected, one[0], expected * 1e-12);
        }

        Assert.False(Intensity.FireWeather([20f], [50f], [3f], [1000f], new double[1]));
    }

    private static GridColumns Storms(int year, int cells)
    {
        GridColumns columns = new(cells);
        for (int cell = 0; cell < cells; cell++)
            columns[GridVariable.TyphoonIndex][cell] = year % 3 == 0 ? 0 : (year + cell / 10) % 17;
        return columns;
    }

    private static GridColumns One(GridColumns all, int cell, IEnumerable<GridVariable> variables)
    {
        GridColumns one = new(1);
        foreach (GridVariable variable in variables)
            one[variable][0] = all[variable][cell];
        return one;
    }
}
