using System.Globalization;
using System.IO.Compression;
using System.Text;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Import;
using Durable.Pipelines.Climate.Packing;
using Durable.Pipelines.Climate.Sample;

namespace Durable.Tests.Pipelines.Climate.Import;

public sealed class CsvImporterTests
{
    [Fact]
    public async Task Good_rows_go_in_and_each_bad_row_is_reported_with_its_line_and_reason()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        await ImportAsync(database, "location_grid", "grid_id,longitude,latitude\n1,126.97,37.57\n2,129.03,35.10\n");

        ImportReceipt receipt = await ImportAsync(
            database,
            "tamax_data",
            """
            observation_date,grid_id,ssp1,ssp2,ssp3,ssp5
            2050-07,1,30.5,31,31.5,32
            2050-13,1,30,30,30,30
            2050-08-01,1,hot,30,30,30
            2050-09-01,1,30,30,30,99
            2050-10-01,7,30,30,30,30
            2050-07-01,1,1,1,1,1
            2050-11-01,2,,12.5,,
            2050-12-01,2,1,2
            ,2,1,2,3,4
            """
        );

        Assert.Equal((2L, 7L), (receipt.Accepted, receipt.Rejected));
        Assert.Equal(
            [
                (3, "observation_date", "2050-13", "is not a month"),
                (4, "ssp1", "hot", "is not a number"),
                (5, "ssp5", "99", "is out of range"),
                (6, "grid_id", "7", "is not in location_grid"),
                (7, "observation_date, grid_id", "2050-07-01, 1", "is the same as on line 2"),
                (9, "", "", "has 4 fields where the header has 6"),
                (10, "observation_date", "", "is blank"),
            ],
            receipt.Rejects.Select(reject => ((int)reject.Line, reject.Column, reject.Value, reject.Reason))
        );
        Assert.Equal("ssp5 must be from -90 to 60.", receipt.Rejects[2].Remedy);
        Assert.Equal("2050-10-01,7,30,30,30,30", receipt.Rejects[3].Content);
        Assert.All(receipt.Rejects, reject => Assert.NotEmpty(reject.Remedy));
        Assert.Equal(7L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.import_rejects WHERE remedy <> ''"));
        Assert.Equal(12.5f, await database.ScalarAsync<float>("SELECT ssp2 FROM climate.tamax_data WHERE grid_id = 2 AND ssp1 IS NULL"));
    }

    [Fact]
    public async Task The_same_file_twice_and_compressed_leaves_the_same_rows()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        const string Csv = "admin_code,admin_name,population\r\n11,\"Seoul, the \"\"capital\"\"\",9400000\r\n26,Busan,\r\n";
        MemoryStream packed = new();
        await using (GZipStream gzip = new(packed, CompressionMode.Compress, leaveOpen: true))
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(Csv));
        packed.Position = 0;

        await ImportAsync(database, "location_admin", Csv);
        ImportReceipt receipt = await new CsvImporter(database.Source, new ImportLimits()).ImportAsync(
            "location_admin",
            packed,
            "test.csv.gz"
        );

        Assert.Equal((2L, 0L), (receipt.Accepted, receipt.Rejected));
        Assert.Equal(
            "Seoul, the \"capital\"",
            await database.ScalarAsync<string>("SELECT admin_name FROM climate.location_admin WHERE population = 9400000")
        );
        Assert.Equal(2L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.location_admin"));
    }

    [Theory]
    [InlineData("no_such_table", "a\n1\n", "Unknown table")]
    [InlineData("location_admin", "admin_code,size\n1,2\n", "has no column size")]
    [InlineData("location_admin", "admin_code\n1\n", "needs the column(s) admin_name")]
    [InlineData("location_admin", "", "The file is empty")]
    public async Task A_file_that_does_not_fit_is_refused_as_a_whole(string table, string csv, string reason)
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();

        ImportRefusedException refused = await Assert.ThrowsAsync<ImportRefusedException>(() => ImportAsync(database, table, csv));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_input_table_exists_with_the_columns_the_importer_knows()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();

        foreach (InputTable table in InputTables.All.Values)
        {
            await database.ExecuteAsync(
                $"SELECT {string.Join(", ", table.Columns.Select(column => column.Name))} FROM climate.{table.Name} WHERE false"
            );
        }

        Assert.Equal(34, InputTables.All.Count);
    }

    [Fact]
    public async Task Packing_takes_day_counts_from_days_where_there_are_any_and_says_so_where_not()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        await ImportAsync(database, "location_grid", "grid_id,longitude,latitude\n1,126.97,37.57\n");
        StringBuilder months = new("observation_date,grid_id,ssp1,ssp2,ssp3,ssp5\n"),
            days = new("observation_date,admin_code,ssp1,ssp2,ssp3,ssp5\n");
        for (int month = 1; month <= 12; month++)
            months.Append($"2050-{month:00}-01,1,{(month is 7 or 8 ? 31 : 10)},10,10,10\n");
        for (DateOnly day = new(2050, 1, 1); day.Year == 2050; day = day.AddDays(1))
            days.Append($"{day:yyyy-MM-dd},11,{(day.Month is 7 or 8 ? 31 : 10)},,,\n");
        await ImportAsync(database, "tamax_data", months.ToString());
        await database.Packer.PackAsync();
        YearPacker packer = new(database.Source, database.Grid);

        await packer.PackAsync(2050);
        GridColumns monthly = await ReadAsync(database);
        await ImportAsync(database, "cell_facts", "grid_id,admin_code\n1,11\n");
        await ImportAsync(database, "tamax_daily_sgg261", days.ToString());
        await new DistrictIndices(database.Source).DeriveAsync("11");
        await packer.PackAsync(2050);
        GridColumns daily = await ReadAsync(database);

        Assert.Equal((2f, true), (monthly[GridVariable.SummerDays][0], monthly.IsFromMonthly(GridVariable.SummerDays)));
        Assert.Equal((62f, false), (daily[GridVariable.SummerDays][0], daily.IsFromMonthly(GridVariable.SummerDays)));
        Assert.Equal([2050], await packer.ReadYearsAsync());
    }

    [Fact]
    public async Task A_count_taken_from_months_anywhere_is_never_shown_as_counted_on_days()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        await ImportAsync(database, "location_grid", "grid_id,longitude,latitude\n1,126.97,37.57\n2,126.98,37.57\n");
        await ImportAsync(database, "cell_facts", "grid_id,admin_code\n1,11\n"); // the second cell has no district
        StringBuilder months = new("observation_date,grid_id,ssp1,ssp2,ssp3,ssp5\n"),
            days = new("observation_date,admin_code,ssp1,ssp2,ssp3,ssp5\n");
        for (int month = 1; month <= 12; month++)
            months.Append($"2050-{month:00}-01,1,10,10,10,10\n2050-{month:00}-01,2,10,10,10,10\n");
        for (DateOnly day = new(2050, 1, 1); day.Year == 2050; day = day.AddDays(1))
            days.Append($"{day:yyyy-MM-dd},11,30,30,30,30\n");
        await ImportAsync(database, "tamax_data", months.ToString());
        await ImportAsync(database, "tamax_daily_sgg261", days.ToString());
        await database.Packer.PackAsync();
        await new DistrictIndices(database.Source).DeriveAsync("11");

        await new YearPacker(database.Source, database.Grid).PackAsync(2050);

        GridColumns packed = await ReadAsync(database);
        Assert.Equal([365f, 0f], packed[GridVariable.SummerDays]);
        Assert.True(packed.IsFromMonthly(GridVariable.SummerDays));
    }

    [Fact]
    public async Task The_annual_columns_of_the_sample_come_out_of_raw_tables_that_say_the_same()
    {
        const int Year = 2050;
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        SampleClimate sample = new(3, 7);
        Tile tile = sample.Tiles()[0];
        GridColumns expected = sample.Year(Durable.Pipelines.Climate.Model.Scenario.Ssp126, Year, tile);
        string Value(GridVariable variable, int cell) => expected[variable][cell].ToString("R", CultureInfo.InvariantCulture);
        string Table(string header, Func<int, IEnumerable<string>> rows) =>
            header + "\n" + string.Concat(Enumerable.Range(0, tile.Cells).SelectMany(rows).Select(row => row + "\n"));
        string Monthly(Func<int, int, string> value) =>
            Table(
                "observation_date,grid_id,ssp1,ssp2,ssp3,ssp5",
                cell => Enumerable.Range(1, 12).Select(month => $"{Year}-{month:00}-01,{tile.GridIds[cell]},{value(cell, month)},,,")
            );
        string Daily(Func<int, int, string> value) =>
            Table(
                "observation_date,admin_code,ssp1,ssp2,ssp3,ssp5",
                cell =>
                    Enumerable
                        .Range(0, 365)
                        .Select(day => $"{new DateOnly(Year, 1, 1).AddDays(day):yyyy-MM-dd},d{cell},{value(cell, day)},,,")
            );

        await ImportAsync(
            database,
            "location_grid",
            Table(
                "grid_id,longitude,latitude",
                cell => [FormattableString.Invariant($"{tile.GridIds[cell]},{tile.Longitudes[cell]},{tile.Latitudes[cell]}")]
            )
        );
        await ImportAsync(database, "cell_facts", Table("grid_id,admin_code", cell => [$"{tile.GridIds[cell]},d{cell}"]));
        foreach (
            (string table, GridVariable variable) in new[]
            {
                ("wsdi_data", GridVariable.WarmSpellDays),
                ("csdi_data", GridVariable.ColdSpellDays),
                ("cdd_data", GridVariable.DryDays),
                ("rx1day_data", GridVariable.WettestDay),
                ("rain80_data", GridVariable.Rain80Days),
            }
        )
        {
            await ImportAsync(
                database,
                table,
                Table("year,grid_id,ssp1,ssp2,ssp3,ssp5", cell => [$"{Year},{tile.GridIds[cell]},{Value(variable, cell)},,,"])
            );
        }

        await ImportAsync(database, "ta_data", Monthly((cell, _) => Value(GridVariable.Temperature, cell)));
        await ImportAsync(database, "ws_data", Monthly((cell, _) => Value(GridVariable.Wind, cell)));
        await ImportAsync(database, "rhm_data", Monthly((cell, _) => Value(GridVariable.Humidity, cell)));
        await ImportAsync(database, "rn_data", Monthly((cell, month) => month == 7 ? Value(GridVariable.AnnualRain, cell) : "0"));
        await ImportAsync(
            database,
            "spei12_data",
            Monthly((cell, month) => Value(month == 2 ? GridVariable.Spei12Lowest : GridVariable.Spei12June, cell))
        );
        // Exactly as many hot, icy, tropical and frosty days as the sample says, the coldest night among the frosty ones.
        await ImportAsync(
            database,
            "tamax_daily_sgg261",
            Daily(
                (cell, day) =>
                    day < expected[GridVariable.SummerDays][cell] ? "26"
                    : 365 - day <= expected[GridVariable.IceDays][cell] ? "-1"
                    : "20"
            )
        );
        await ImportAsync(
            database,
            "tamin_daily_sgg261",
            Daily(
                (cell, day) =>
                    day == 364 ? Value(GridVariable.ColdestNight, cell)
                    : day < expected[GridVariable.TropicalNights][cell] ? "26"
                    : 365 - day <= expected[GridVariable.FrostDays][cell] ? "-1"
                    : "10"
            )
        );
        await database.Packer.PackAsync();
        DistrictIndices districts = new(database.Source);
        foreach (string district in await districts.ReadDistrictsAsync())
            await districts.DeriveAsync(district);

        await new YearPacker(database.Source, database.Grid).PackAsync(Year);

        GridColumns packed = await ReadAsync(database);
        foreach (GridVariable variable in GridVariables.Annual.Where(variable => variable != GridVariable.SeaLevel))
        {
            for (int cell = 0; cell < tile.Cells; cell++)
                Assert.True(
                    Math.Abs(expected[variable][cell] - packed[variable][cell]) < 1e-4,
                    $"{variable} of cell {cell}: {packed[variable][cell]}, sample {expected[variable][cell]}"
                );
            Assert.False(packed.IsFromMonthly(variable));
        }
    }

    private static async Task<GridColumns> ReadAsync(ClimateDatabase database) =>
        (
            await database.Grid.ReadYearsAsync(
                Durable.Pipelines.Climate.Model.Scenario.Ssp126,
                [2050],
                GridVariables.Annual,
                await database.Grid.ReadTilesAsync()
            )
        )[2050];

    private static Task<ImportReceipt> ImportAsync(ClimateDatabase database, string table, string csv) =>
        new CsvImporter(database.Source, new ImportLimits()).ImportAsync(table, new MemoryStream(Encoding.UTF8.GetBytes(csv)), "test");
}
