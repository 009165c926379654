using Durable.Operations.Plans;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;
using Npgsql;

namespace Durable.Pipelines.Climate.Packing;

/// <summary>
/// Turns a year of the input tables into annual columns, for all scenarios. Day counts come from the daily tables of the cell's district;
/// without them they are counted on monthly values (at most 12), and the column is marked. Other variables come from the yearly and monthly
/// tables, else from the district's daily values.
/// </summary>
public sealed class YearPacker(NpgsqlDataSource database, GridStore grid)
{
    /// <summary>Packs a year. Safe to run twice. Columns without any value are stored as missing.</summary>
    /// <returns>Known values packed, over all scenarios.</returns>
    /// <exception cref="ImpossibleInputException">A table has a value that its variable cannot have. The year was not packed.</exception>
    public async Task<long> PackAsync(int year, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<Tile> tiles = await grid.ReadTilesAsync(cancellationToken: cancellationToken);
        int cells = tiles.Sum(tile => tile.Cells);
        Dictionary<int, int> positions = tiles.SelectMany(tile => tile.GridIds).Index().ToDictionary(cell => cell.Item, cell => cell.Index);
        GridColumns[] scenarios = [.. Scenarios.All.Select(_ => new GridColumns(cells))];

        foreach ((GridVariable variable, string sql) in Queries(year))
            await FillAsync(scenarios, variable, sql, positions, cancellationToken);
        foreach (GridVariable count in GridVariables.DayCounts)
        {
            foreach (GridColumns columns in scenarios)
                columns.MarkMonthly(count);
        }

        await FillDistrictsAsync(scenarios, year, positions, cancellationToken);
        await FillSeaLevelAsync(scenarios, year, tiles, cancellationToken);

        int[] gridIds = [.. tiles.SelectMany(tile => tile.GridIds)];
        foreach ((int index, GridColumns columns) in scenarios.Index())
            PackedRanges.Check(columns, GridVariables.Annual, gridIds, $", {Scenarios.All[index].Name()} {year}");
        long known = 0;
        foreach ((int index, GridColumns columns) in scenarios.Index())
        {
            string version = Fingerprints.Of(
                GridVariables.Annual.Select(variable => $"{PlacePacker.Hash(columns[variable])}{columns.IsFromMonthly(variable)}")
            );
            await grid.WriteAsync(Scenarios.All[index], year, GridVariables.Annual, Split(columns, tiles), version, cancellationToken);
            known += GridVariables.Annual.Sum(variable => columns[variable].LongCount(value => !float.IsNaN(value)));
        }

        return known;
    }

    /// <summary>Years for which any input table of annual, monthly or daily values has rows.</summary>
    public async Task<IReadOnlyList<int>> ReadYearsAsync(CancellationToken cancellationToken = default)
    {
        string[] monthly = ["tamax_data", "tamin_data", "ta_data", "rn_data", "ws_data", "rhm_data", "spei12_data"];
        string[] yearly =
        [
            "wsdi_data",
            "csdi_data",
            "rx1day_data",
            "cdd_data",
            "rain80_data",
            "ta_yearly_data",
            "sea_level_data",
            "district_indices",
        ];
        string sql = string.Join(
            " UNION ",
            [
                .. monthly.Select(table => $"SELECT DISTINCT extract(year FROM observation_date)::integer FROM climate.{table}"),
                .. yearly.Select(table => $"SELECT DISTINCT year::integer FROM climate.{table}"),
            ]
        );
        List<int> years = [];
        await using NpgsqlCommand command = database.CreateCommand($"SELECT y FROM ({sql}) AS t (y) ORDER BY y");
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            years.Add(reader.GetInt32(0));
        return years;
    }

    private static IEnumerable<(GridVariable, string)> Queries(int year)
    {
        string Monthly(string table, Func<string, string> aggregate, string where = "true") =>
            $"SELECT grid_id, {string.Join(", ", Scenarios.Columns.Select(aggregate))} FROM climate.{table} "
            + $"WHERE observation_date >= make_date({year}, 1, 1) AND observation_date < make_date({year + 1}, 1, 1) AND {where} GROUP BY grid_id";
        string Yearly(string table) => $"SELECT grid_id, ssp1, ssp2, ssp3, ssp5 FROM climate.{table} WHERE year = {year}";
        string Counted(string column, string test) =>
            $"CASE WHEN count({column}) > 0 THEN count(*) FILTER (WHERE {column} {test}) END::real";
        // In double precision, then to a thousandth of a mm: twelve months of 83.3 mm and 83.7 mm with a sum of 1000 mm must not become
        // 999.99994 in single precision.
        static string Sum(string column) => $"round(sum({column}::double precision)::numeric, 3)::real";
        return
        [
            (GridVariable.SummerDays, Monthly("tamax_data", column => Counted(column, "> 25"))),
            (GridVariable.IceDays, Monthly("tamax_data", column => Counted(column, "< 0"))),
            (GridVariable.TropicalNights, Monthly("tamin_data", column => Counted(column, "> 25"))),
            (GridVariable.FrostDays, Monthly("tamin_data", column => Counted(column, "< 0"))),
            (GridVariable.ColdestNight, Monthly("tamin_data", column => $"min({column})")),
            (GridVariable.Temperature, Yearly("ta_yearly_data")),
            (GridVariable.Temperature, Monthly("ta_data", column => $"avg({column})::real")),
            (GridVariable.AnnualRain, Monthly("rn_data", Sum)),
            (GridVariable.Wind, Monthly("ws_data", column => $"avg({column})::real")),
            (GridVariable.Humidity, Monthly("rhm_data", column => $"avg({column})::real")),
            (GridVariable.Spei12June, Monthly("spei12_data", column => $"avg({column})::real", "extract(month FROM observation_date) = 6")),
            (GridVariable.Spei12Lowest, Monthly("spei12_data", column => $"min({column})")),
            (GridVariable.WarmSpellDays, Yearly("wsdi_data")),
            (GridVariable.ColdSpellDays, Yearly("csdi_data")),
            (GridVariable.DryDays, Yearly("cdd_data")),
            (GridVariable.WettestDay, Yearly("rx1day_data")),
            (GridVariable.Rain80Days, Yearly("rain80_data")),
        ];
    }

    private async Task FillAsync(
        GridColumns[] scenarios,
        GridVariable variable,
        string sql,
        Dictionary<int, int> positions,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(sql);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (!positions.TryGetValue(reader.GetInt32(0), out int position))
                continue;
            for (int scenario = 0; scenario < scenarios.Length; scenario++)
            {
                if (!reader.IsDBNull(scenario + 1))
                    scenarios[scenario][variable][position] = reader.GetFloat(scenario + 1);
            }
        }
    }

    // Counts of real days replace monthly ones; anything else only fills gaps. A column stays marked as monthly until each of its cells has
    // real days: the mark applies to whole columns, and a rough count must not pass for an exact one.
    private async Task FillDistrictsAsync(
        GridColumns[] scenarios,
        int year,
        Dictionary<int, int> positions,
        CancellationToken cancellationToken
    )
    {
        await using NpgsqlCommand command = database.CreateCommand(
            """
            SELECT f.grid_id, d.scenario_id, d.variable, d.value FROM climate.district_indices d
            JOIN climate.cell_facts f USING (admin_code) WHERE d.year = $1
            """
        );
        command.Parameters.Add(new() { Value = (short)year });
        Dictionary<(GridColumns, GridVariable), int> daily = [];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (!positions.TryGetValue(reader.GetInt32(0), out int position))
                continue;
            GridColumns columns = scenarios[reader.GetInt16(1) - 1];
            GridVariable variable = (GridVariable)reader.GetInt16(2);
            bool counts = GridVariables.DayCounts.Contains(variable);
            if (counts)
                daily[(columns, variable)] = daily.GetValueOrDefault((columns, variable)) + 1;
            ref float stored = ref columns[variable][position];
            if (counts || float.IsNaN(stored))
                stored = reader.GetFloat(3);
        }

        foreach (((GridColumns columns, GridVariable variable), int cells) in daily)
        {
            if (cells == columns[variable].Count(value => !float.IsNaN(value)))
                columns.MarkDaily(variable);
        }
    }

    private async Task FillSeaLevelAsync(GridColumns[] scenarios, int year, IReadOnlyList<Tile> tiles, CancellationToken cancellationToken)
    {
        GridColumns places = await grid.ReadPlacesAsync(tiles, cancellationToken);
        Dictionary<int, float[]> points = [];
        await using NpgsqlCommand command = database.CreateCommand(
            "SELECT grid_id, ssp1, ssp2, ssp3, ssp5 FROM climate.sea_level_data WHERE year = $1"
        );
        command.Parameters.Add(new() { Value = (short)year });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            points.Add(
                reader.GetInt32(0),
                [.. Enumerable.Range(1, 4).Select(column => reader.IsDBNull(column) ? float.NaN : reader.GetFloat(column))]
            );
        }

        float[] nearest = places[GridVariable.SeaPoint];
        for (int cell = 0; cell < nearest.Length; cell++)
        {
            if (float.IsNaN(nearest[cell]) || !points.TryGetValue((int)nearest[cell], out float[]? rise))
                continue;
            for (int scenario = 0; scenario < scenarios.Length; scenario++)
                scenarios[scenario][GridVariable.SeaLevel][cell] = rise[scenario];
        }
    }

    private static List<(Tile, GridColumns)> Split(GridColumns all, IReadOnlyList<Tile> tiles)
    {
        List<(Tile, GridColumns)> blocks = [];
        int offset = 0;
        foreach (Tile tile in tiles)
        {
            GridColumns columns = new(tile.Cells);
            foreach (GridVariable variable in GridVariables.Annual)
            {
                all[variable].AsSpan(offset, tile.Cells).CopyTo(columns[variable]);
                if (all.IsFromMonthly(variable))
                    columns.MarkMonthly(variable);
            }

            blocks.Add((tile, columns));
            offset += tile.Cells;
        }

        return blocks;
    }
}
