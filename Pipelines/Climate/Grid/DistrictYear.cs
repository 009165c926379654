using Durable.Pipelines.Climate.Indices;
using Npgsql;

namespace Durable.Pipelines.Climate.Grid;

/// <summary>Indices of one district and year for one scenario, from its daily values.</summary>
internal sealed record DistrictYear(IReadOnlyList<(GridVariable Variable, double Value)> Indices)
{
    /// <summary>Base period of the spell percentiles: the normal of 1991–2020 where the district has it, else its first 30 years.</summary>
    private const int BaseFirst = 1991, BaseLast = 2020;

    /// <summary>One entry for each scenario.</summary>
    public static async Task<DistrictYear[]> ReadAsync(NpgsqlDataSource database, string district, int year, CancellationToken cancellationToken)
    {
        DailySeries?[] maxima = await ReadSeriesAsync(database, "tamax", district, cancellationToken), minima = await ReadSeriesAsync(database, "tamin", district, cancellationToken);
        DailySeries?[] rain = await ReadSeriesAsync(database, "rn", district, cancellationToken), mean = await ReadSeriesAsync(database, "ta", district, cancellationToken);
        DailySeries?[] humidity = await ReadSeriesAsync(database, "rhm", district, cancellationToken), wind = await ReadSeriesAsync(database, "ws", district, cancellationToken);
        return [.. Scenarios.All.Select(scenario => Of(year, maxima[scenario.Index()], minima[scenario.Index()], rain[scenario.Index()], mean[scenario.Index()], humidity[scenario.Index()], wind[scenario.Index()]))];
    }

    internal static DistrictYear Of(
        int year, DailySeries? maxima, DailySeries? minima, DailySeries? rain, DailySeries? mean, DailySeries? humidity, DailySeries? wind)
    {
        List<(GridVariable, double)> indices = [];
        if (maxima is not null)
        {
            indices.Add((GridVariable.SummerDays, ClimateIndices.DaysAbove(maxima, year, 25)));
            indices.Add((GridVariable.IceDays, ClimateIndices.DaysBelow(maxima, year, 0)));
            indices.Add((GridVariable.WarmSpellDays, ClimateIndices.WarmSpellDays(maxima, year, Percentiles(maxima, 90))));
        }

        if (minima is not null)
        {
            indices.Add((GridVariable.TropicalNights, ClimateIndices.DaysAbove(minima, year, 25)));
            indices.Add((GridVariable.FrostDays, ClimateIndices.DaysBelow(minima, year, 0)));
            indices.Add((GridVariable.ColdestNight, ClimateIndices.Smallest(minima, year)));
            indices.Add((GridVariable.ColdSpellDays, ClimateIndices.ColdSpellDays(minima, year, Percentiles(minima, 10))));
        }

        if (rain is not null)
        {
            indices.Add((GridVariable.AnnualRain, ClimateIndices.Total(rain, year)));
            indices.Add((GridVariable.WettestDay, ClimateIndices.Largest(rain, year)));
            indices.Add((GridVariable.Rain80Days, ClimateIndices.DaysFrom(rain, year, 80)));
            indices.Add((GridVariable.DryDays, ClimateIndices.LongestDrySpell(rain, year)));
        }

        if (mean is not null) indices.Add((GridVariable.Temperature, ClimateIndices.Mean(mean, year)));
        if (humidity is not null) indices.Add((GridVariable.Humidity, ClimateIndices.Mean(humidity, year)));
        if (wind is not null) indices.Add((GridVariable.Wind, ClimateIndices.Mean(wind, year)));
        return new DistrictYear(indices);
    }

    private static double[] Percentiles(DailySeries series, double percent)
    {
        bool hasNormal = series.FirstYear <= BaseFirst && series.LastYear >= BaseLast;
        int first = hasNormal ? BaseFirst : series.FirstYear;
        return ClimateIndices.DayPercentiles(series, first, hasNormal ? BaseLast : Math.Min(series.LastYear, first + 29), percent);
    }

    private static async Task<DailySeries?[]> ReadSeriesAsync(NpgsqlDataSource database, string variable, string district, CancellationToken cancellationToken)
    {
        List<(DateOnly, double)>[] days = [.. Scenarios.All.Select(_ => new List<(DateOnly, double)>())];
        await using NpgsqlCommand command = database.CreateCommand(
            $"SELECT observation_date, ssp1, ssp2, ssp3, ssp5 FROM climate.{variable}_daily_sgg261 WHERE admin_code = $1 ORDER BY observation_date");
        command.Parameters.Add(new() { Value = district });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            DateOnly date = reader.GetFieldValue<DateOnly>(0);
            for (int scenario = 0; scenario < days.Length; scenario++)
            {
                if (!reader.IsDBNull(scenario + 1)) days[scenario].Add((date, reader.GetFloat(scenario + 1)));
            }
        }

        return [.. days.Select(known => known.Count == 0 ? null : DailySeries.From(known))];
    }
}
