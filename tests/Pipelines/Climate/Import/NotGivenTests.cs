using System.Text;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Import;
using Durable.Pipelines.Climate.Packing;

namespace Durable.Tests.Pipelines.Climate.Import;

/// <summary>Storm records write −999 for "not given", which is not a wind, pressure or radius.</summary>
public sealed class NotGivenTests
{
    private const string Storms =
        "tcid,year,month,day,hour,grade,latitude,longitude,max_wind_speed,central_pressure,gale_long,gale_short,gale_dir,storm_long,storm_short,storm_dir\n";

    [Fact]
    public async Task A_code_for_not_given_is_stored_as_a_blank_is_and_any_other_impossible_number_is_refused()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        byte[] csv = Encoding.UTF8.GetBytes(
            Storms
                + "1901,2019,9,1,0,TD,33,127,-999,-999,-999,-999,-999,-999,-999,-999\n"
                + "1901,2019,9,1,6,TS,33,127,-998,990,,,,,,\n"
                + "1901,2019,9,1,12,TS,33,127,20,-1,,,,,,\n"
                + "1901,2019,9,1,18,TS,33,127,0,990,,,,,,\n"
        );
        ImportReceipt receipt = await new CsvImporter(database.Source, new ImportLimits()).ImportAsync(
            "api_typhoon_besttrack",
            new MemoryStream(csv),
            "storms.csv"
        );
        Assert.Equal((2, 2), (receipt.Accepted, receipt.Rejected));
        Assert.Equal(
            "0 1 of 2",
            await database.ScalarAsync<string>(
                """
                SELECT concat(count(*) FILTER (WHERE max_wind_speed < 0 OR central_pressure < 0 OR gale_long < 0
                    OR storm_dir < 0), ' ', count(*) FILTER (WHERE num_nulls(max_wind_speed, central_pressure, gale_long,
                    gale_short, gale_dir, storm_long, storm_short, storm_dir) = 8), ' of ', count(*)) FROM climate.api_typhoon_besttrack
                """
            )
        );
        Assert.Equal(
            "central_pressure,max_wind_speed",
            await database.ScalarAsync<string>("SELECT string_agg(column_name, ',' ORDER BY column_name) FROM climate.import_rejects")
        );
    }

    [Fact]
    public async Task A_storm_whose_wind_is_not_given_lowers_no_score_however_that_was_written()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        await database.Sample.LoadPlacesAsync(40, seed: 7);
        await database.ExecuteAsync(
            """
            DELETE FROM climate.api_typhoon_besttrack;
            INSERT INTO climate.api_typhoon_besttrack (tcid, year, month, day, hour, grade, longitude, latitude, max_wind_speed)
            SELECT '1901', 2019, 9, 1, hour, 'TS', longitude, latitude, CASE hour WHEN 0 THEN 30 END
            FROM climate.location_grid, unnest(ARRAY[0, 6]) AS hour WHERE grid_id = (SELECT min(grid_id) FROM climate.location_grid)
            """
        );
        float[][] blank = await PackAsync(database);
        await database.ExecuteAsync("UPDATE climate.api_typhoon_besttrack SET max_wind_speed = -999 WHERE hour = 6");
        float[][] coded = await PackAsync(database);

        Assert.Equal(blank, coded);
        // At the storm's exact place: two fixes, one of 30 m/s and one that is not given, with the rain of a weak storm.
        Assert.Equal([2, 0.55f * 30 / 50, 1], [coded[0][0], coded[1][0], coded[2][0]]);
        TyphoonExposure exposure = new((int)coded[0][0], coded[1][0], coded[3][0], coded[4][0], (int)coded[2][0]);
        Assert.Equal(((0.55 * 30 / 50) + (2 * 0.45 * 250 / 500)) / 2, Typhoon.Score(exposure, wettestDay: 250).Value, 4);
    }

    [Theory]
    [InlineData(
        "INSERT INTO climate.ws_data VALUES ('2050-03-01', 1, 3, 3, 3, -999)",
        "climate.ws_data gives -999 for Wind of cell 1, SSP585 2050; it must be from 0 to 150"
    )]
    [InlineData(
        "INSERT INTO climate.rx1day_data VALUES (2050, 1, 120, -999, 120, 120)",
        "climate.rx1day_data gives -999 for WettestDay of cell 1, SSP245 2050; it must be from 0 to 3000"
    )]
    [InlineData(
        "INSERT INTO climate.sea_level_data SELECT 2050, grid_id, 20, 20, 20, -9999 FROM climate.sea_level_grid",
        "climate.sea_level_data gives -9999 for SeaLevel of cell 1, SSP585 2050; it must be from -500 to 1000"
    )]
    [InlineData(
        "INSERT INTO climate.cell_facts (grid_id, elevation_m) VALUES (1, -999)",
        "climate.cell_facts gives -999 for Elevation of cell 1; it must be from -500 to 9000"
    )]
    public async Task A_code_that_was_written_past_the_importer_stops_the_packing_and_is_named(string insert, string expected)
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        await database.ExecuteAsync(
            "INSERT INTO climate.location_grid (grid_id, longitude, latitude) VALUES (1, 126.97, 37.57); INSERT INTO climate.sea_level_grid VALUES (1, 126.9, 37.5);"
                + insert
        );
        ImpossibleInputException impossible = await Assert.ThrowsAsync<ImpossibleInputException>(async () =>
        {
            await database.Packer.PackAsync();
            await new YearPacker(database.Source, database.Grid).PackAsync(2050);
        });
        Assert.StartsWith(expected, impossible.Message, StringComparison.Ordinal);
        Assert.Equal(0L, await database.ScalarAsync<long>("SELECT count(*) FROM climate.cell_series WHERE year = 2050"));
    }

    private static async Task<float[][]> PackAsync(ClimateDatabase database)
    {
        await database.Packer.PackAsync();
        GridColumns columns = await database.Grid.ReadPlacesAsync(await database.Grid.ReadTilesAsync());
        return
        [
            .. new[]
            {
                GridVariable.TyphoonPoints,
                GridVariable.TyphoonWind,
                GridVariable.TyphoonWindyPoints,
                GridVariable.TyphoonNearness,
                GridVariable.TyphoonFallbackRain,
            }.Select(variable => columns[variable]),
        ];
    }
}
