using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Indices;
using Durable.Pipelines.Climate.Model;
using Npgsql;

namespace Durable.Pipelines.Climate.Packing;

/// <summary>Derives annual indices of a district from its daily values (<c>*_daily_sgg261</c>) into
/// <c>climate.district_indices</c>.</summary>
public sealed class DistrictIndices(NpgsqlDataSource database)
{
    /// <summary>Base period of the spell percentiles: the normal of 1991–2020 where the district has it, else its first 30 years.</summary>
    private const int BaseFirst = 1991,
        BaseLast = 2020;

    /// <summary>Districts that have daily values.</summary>
    public async Task<IReadOnlyList<string>> ReadDistrictsAsync(CancellationToken cancellationToken = default)
    {
        List<string> districts = [];
        string sql = string.Join(
            " UNION ",
            ((string[])["tamax", "tamin", "rn", "ta", "rhm", "ws"]).Select(variable =>
                $"SELECT admin_code FROM climate.{variable}_daily_sgg261"
            )
        );
        await using NpgsqlCommand command = database.CreateCommand($"SELECT admin_code FROM ({sql}) AS d ORDER BY admin_code");
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            districts.Add(reader.GetString(0));
        return districts;
    }

    /// <summary>Replaces the indices of a district, for every year that is complete enough. Safe to run twice.</summary>
    /// <returns>Values stored.</returns>
    public async Task<long> DeriveAsync(string district, CancellationToken cancellationToken = default)
    {
        DailySeries?[] maxima = await ReadAsync("tamax", district, cancellationToken),
            minima = await ReadAsync("tamin", district, cancellationToken);
        DailySeries?[] rain = await ReadAsync("rn", district, cancellationToken),
            mean = await ReadAsync("ta", district, cancellationToken);
        DailySeries?[] humidity = await ReadAsync("rhm", district, cancellationToken),
            wind = await ReadAsync("ws", district, cancellationToken);

        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (
            NpgsqlCommand clear = new("DELETE FROM climate.district_indices WHERE admin_code = $1", connection)
            {
                Parameters = { new() { Value = district } },
            }
        )
        {
            await clear.ExecuteNonQueryAsync(cancellationToken);
        }

        long stored = 0;
        await using (
            NpgsqlBinaryImporter copy = await connection.BeginBinaryImportAsync(
                "COPY climate.district_indices FROM STDIN (FORMAT binary)",
                cancellationToken
            )
        )
        {
            foreach (Scenario scenario in Scenarios.All)
            {
                int at = scenario.Index();
                foreach (
                    (int year, GridVariable variable, double value) in Derive(
                            maxima[at],
                            minima[at],
                            rain[at],
                            mean[at],
                            humidity[at],
                            wind[at]
                        )
                        .Where(index => !double.IsNaN(index.Value))
                )
                {
                    await copy.StartRowAsync(cancellationToken);
                    await copy.WriteAsync(district, NpgsqlTypes.NpgsqlDbType.Varchar, cancellationToken);
                    await copy.WriteAsync((short)scenario, NpgsqlTypes.NpgsqlDbType.Smallint, cancellationToken);
                    await copy.WriteAsync((short)year, NpgsqlTypes.NpgsqlDbType.Smallint, cancellationToken);
                    await copy.WriteAsync((short)variable, NpgsqlTypes.NpgsqlDbType.Smallint, cancellationToken);
                    await copy.WriteAsync((float)value, NpgsqlTypes.NpgsqlDbType.Real, cancellationToken);
                    stored++;
                }
            }

            await copy.CompleteAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return stored;
    }

    private static IEnumerable<(int Year, GridVariable Variable, double Value)> Derive(
        DailySeries? maxima,
        DailySeries? minima,
        DailySeries? rain,
        DailySeries? mean,
        DailySeries? humidity,
        DailySeries? wind
    ) =>
        [
            .. Of(maxima, GridVariable.SummerDays, (series, year) => ClimateIndices.DaysAbove(series, year, 25)),
            .. Of(maxima, GridVariable.IceDays, (series, year) => ClimateIndices.DaysBelow(series, year, 0)),
            .. Spells(maxima, GridVariable.WarmSpellDays, 90, ClimateIndices.WarmSpellDays),
            .. Of(minima, GridVariable.TropicalNights, (series, year) => ClimateIndices.DaysAbove(series, year, 25)),
            .. Of(minima, GridVariable.FrostDays, (series, year) => ClimateIndices.DaysBelow(series, year, 0)),
            .. Of(minima, GridVariable.ColdestNight, ClimateIndices.Smallest),
            .. Spells(minima, GridVariable.ColdSpellDays, 10, ClimateIndices.ColdSpellDays),
            .. Of(rain, GridVariable.AnnualRain, ClimateIndices.Total),
            .. Of(rain, GridVariable.WettestDay, ClimateIndices.Largest),
            .. Of(rain, GridVariable.Rain80Days, (series, year) => ClimateIndices.DaysFrom(series, year, 80)),
            .. Of(rain, GridVariable.DryDays, ClimateIndices.LongestDrySpell),
            .. Of(mean, GridVariable.Temperature, ClimateIndices.Mean),
            .. Of(humidity, GridVariable.Humidity, ClimateIndices.Mean),
            .. Of(wind, GridVariable.Wind, ClimateIndices.Mean),
        ];

    private static IEnumerable<(int, GridVariable, double)> Of(
        DailySeries? series,
        GridVariable variable,
        Func<DailySeries, int, double> index
    ) =>
        series is null
            ? []
            : Enumerable
                .Range(series.FirstYear, series.LastYear - series.FirstYear + 1)
                .Select(year => (year, variable, index(series, year)));

    private static IEnumerable<(int, GridVariable, double)> Spells(
        DailySeries? series,
        GridVariable variable,
        double percent,
        Func<DailySeries, int, double[], double> index
    )
    {
        if (series is null)
            return [];
        bool hasNormal = series.FirstYear <= BaseFirst && series.LastYear >= BaseLast;
        double[] percentiles = ClimateIndices.DayPercentiles(
            series,
            hasNormal ? BaseFirst : series.FirstYear,
            hasNormal ? BaseLast : Math.Min(series.LastYear, series.FirstYear + 29),
            percent
        );
        return Of(series, variable, (days, year) => index(days, year, percentiles));
    }

    private async Task<DailySeries?[]> ReadAsync(string variable, string district, CancellationToken cancellationToken)
    {
        List<(DateOnly, double)>[] days = [.. Scenarios.All.Select(_ => new List<(DateOnly, double)>())];
        await using NpgsqlCommand command = database.CreateCommand(
            $"""
            SELECT observation_date, ssp1, ssp2, ssp3, ssp5 FROM climate.{variable}_daily_sgg261 WHERE admin_code = $1
            ORDER BY observation_date
            """
        );
        command.Parameters.Add(new() { Value = district });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            DateOnly date = reader.GetFieldValue<DateOnly>(0);
            for (int scenario = 0; scenario < days.Length; scenario++)
            {
                if (!reader.IsDBNull(scenario + 1))
                    days[scenario].Add((date, Stated.Of(reader.GetFloat(scenario + 1))));
            }
        }

        return [.. days.Select(known => known.Count == 0 ? null : DailySeries.From(known))];
    }
}
