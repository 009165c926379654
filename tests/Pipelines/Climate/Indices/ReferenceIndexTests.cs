using System.Globalization;
using Durable.Pipelines.Climate.Indices;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Climate.Indices;

/// <summary>Index values published with the reference implementation, for station 1018935, base period 1981–1990.</summary>
public sealed class ReferenceIndexTests
{
    private const string Folder = "climate/etccdi_reference_ec1018935/";

    [SharedDataFact(Folder + "expected_indices_annual.csv")]
    public void Annual_indices_agree_with_the_published_ones_to_the_printed_precision()
    {
        DailySeries maxima = Read("MAX_TEMP"),
            minima = Read("MIN_TEMP"),
            rain = Read("ONE_DAY_PRECIPITATION");
        double[] warm = ClimateIndices.DayPercentiles(maxima, 1981, 1990, 90),
            cold = ClimateIndices.DayPercentiles(minima, 1981, 1990, 10);
        Dictionary<string, Func<int, double>> indices = new()
        {
            ["fd"] = year => ClimateIndices.DaysBelow(minima, year, 0),
            ["su"] = year => ClimateIndices.DaysAbove(maxima, year, 25),
            ["id"] = year => ClimateIndices.DaysBelow(maxima, year, 0),
            ["tr"] = year => ClimateIndices.DaysAbove(minima, year, 20),
            ["r10mm"] = year => ClimateIndices.DaysFrom(rain, year, 10),
            ["r20mm"] = year => ClimateIndices.DaysFrom(rain, year, 20),
            ["cdd"] = year => ClimateIndices.LongestDrySpell(rain, year),
            ["wsdi"] = year => ClimateIndices.WarmSpellDays(maxima, year, warm),
            ["csdi"] = year => ClimateIndices.ColdSpellDays(minima, year, cold),
        };
        int compared = Compare(
            "expected_indices_annual.csv",
            indices.ToDictionary(index => index.Key, index => (Func<string, double>)(period => index.Value(Year(period))))
        );

        Assert.True(compared > 250, $"only {compared} values were compared");
    }

    [SharedDataFact(Folder + "expected_indices_monthly.csv")]
    public void The_extremes_of_a_year_are_those_of_its_months()
    {
        DailySeries maxima = Read("MAX_TEMP"),
            minima = Read("MIN_TEMP"),
            rain = Read("ONE_DAY_PRECIPITATION");
        string[] lines = [.. SharedData.Lines(Folder + "expected_indices_monthly.csv")];
        string[] header = Fields(lines[0]);
        int compared = 0;
        foreach (IGrouping<int, string[]> year in lines.Skip(1).Select(Fields).GroupBy(fields => Year(fields[0])))
        {
            IEnumerable<double> Months(string name) =>
                year.Select(fields => double.Parse(fields[Array.IndexOf(header, name)], CultureInfo.InvariantCulture));
            if (rain.IsComplete(year.Key))
            {
                Same(Months("rx1day").Max(), ClimateIndices.Largest(rain, year.Key));
            }

            if (maxima.IsComplete(year.Key))
                Same(Months("txx").Max(), ClimateIndices.Largest(maxima, year.Key));
            if (minima.IsComplete(year.Key))
                Same(Months("tnn").Min(), ClimateIndices.Smallest(minima, year.Key));
        }

        Assert.True(compared > 70, $"only {compared} values were compared");

        void Same(double expected, double measured)
        {
            Assert.Equal(expected, measured, 1e-9);
            compared++;
        }
    }

    private static int Compare(string file, Dictionary<string, Func<string, double>> indices)
    {
        string[] lines = [.. SharedData.Lines(Folder + file)];
        string[] header = Fields(lines[0]);
        int compared = 0;
        foreach (string[] fields in lines.Skip(1).Select(Fields))
        {
            foreach ((string name, Func<string, double> index) in indices)
            {
                string text = fields[Array.IndexOf(header, name)];
                double expected = text.Length == 0 ? double.NaN : double.Parse(text, CultureInfo.InvariantCulture),
                    measured = index(fields[0]);
                Assert.True(
                    double.IsNaN(expected) ? double.IsNaN(measured) : Math.Abs(expected - measured) < 1e-9,
                    $"{name} of {fields[0]}: {measured}, published {text}"
                );
                compared++;
            }
        }

        return compared;
    }

    private static int Year(string period) => int.Parse(period[..4], CultureInfo.InvariantCulture);

    private static string[] Fields(string line) => [.. line.Split(',').Select(field => field.Trim('"'))];

    private static DailySeries Read(string variable) =>
        DailySeries.From([
            .. from line in SharedData.Lines($"{Folder}1018935_{variable}.csv.gz").Skip(1)
            let fields = line.Split(',')
            where fields[2].Length > 0
            select (
                new DateOnly(int.Parse(fields[0], CultureInfo.InvariantCulture), 1, 1).AddDays(
                    int.Parse(fields[1], CultureInfo.InvariantCulture) - 1
                ),
                double.Parse(fields[2], CultureInfo.InvariantCulture)
            ),
        ]);
}
