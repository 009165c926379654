using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Durable.Operations.Ledger;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Hazards;
using Durable.Pipelines.Climate.Import;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Packing;
using Durable.Pipelines.Climate.Probability;
using Durable.Pipelines.Climate.Results;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Climate;

/// <summary>Observed and modelled climate, through the public importer, into both batches.</summary>
public sealed class RealDataTests
{
    private const string Stations = "climate/kma_asos_temp_1961_2026/",
        Model = "climate/cmip6_daily_cannonsville/",
        Storms = "climate/typhoon/bst_all_2015_2021.txt.gz";

    [SharedDataFact(Storms)]
    public async Task Best_tracks_import_once_however_often_and_reach_the_batches()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        await ImportAsync(database, "location_grid", "grid_id,longitude,latitude\n1,126.5297,33.5141\n2,126.9658,37.5714\n"); // Jeju, Seoul
        string csv = BestTracks();

        ImportReceipt first = await ImportAsync(database, "api_typhoon_besttrack", csv),
            second = await ImportAsync(database, "api_typhoon_besttrack", csv);
        await database.Packer.PackAsync();

        Assert.True(first.Accepted > 6000, $"{first.Accepted} fixes");
        Assert.True(second.Rejected == 0, string.Join("; ", second.Rejects.Take(3)));
        Assert.Equal(first.Accepted, second.Accepted);
        Assert.Equal(first.Accepted, await database.ScalarAsync<long>("SELECT count(*) FROM climate.api_typhoon_besttrack"));
        Tile tile = Assert.Single(await database.Grid.ReadTilesAsync());
        GridColumns places = await database.Grid.ReadPlacesAsync([tile]);
        Assert.True(
            places[GridVariable.TyphoonPoints][0] > places[GridVariable.TyphoonPoints][1],
            "Jeju lies in the path more often than Seoul"
        );
        SortedDictionary<int, GridColumns> years = await database.Grid.ReadTyphoonYearsAsync(tile);
        Assert.Equal(Enumerable.Range(2015, 7), years.Keys);
        Assert.True(years[2020][GridVariable.TyphoonIndex][0] > 0, "Bavi, Maysak and Haishen passed Jeju in 2020");
    }

    [SharedDataFact(Stations + "seoul.json.gz")]
    public async Task Observed_days_of_three_cities_give_the_scores_that_hand_counting_gives()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        await ImportAsync(
            database,
            "location_grid",
            "grid_id,longitude,latitude\n1,126.9658,37.5714\n2,129.0320,35.1047\n3,126.5297,33.5141\n"
        );
        await ImportAsync(
            database,
            "cell_facts",
            "grid_id,landcover,impervious_ratio,distance_to_river_m,building_count,admin_code\n1,2,0.9,800,900,seoul\n2,2,0.8,3000,700,busan\n3,3,0.2,9000,200,jeju\n"
        );
        Dictionary<string, List<(DateOnly Date, double Min, double Max)>> cities = [];
        foreach (string city in (string[])["seoul", "busan", "jeju"])
        {
            cities[city] = ReadStation(city);
            await ImportAsync(database, "tamax_daily_sgg261", DailyCsv(city, cities[city].Select(day => (day.Date, day.Max))));
            await ImportAsync(database, "tamin_daily_sgg261", DailyCsv(city, cities[city].Select(day => (day.Date, day.Min))));
        }

        await PackAsync(database, 2021, 2024);
        HazardGroup group = new(
            "real",
            DateTime.UtcNow,
            "SSP245",
            [2021, 2022, 2023, 2024],
            Risk.ExtremeHeat.Bit() | Risk.ExtremeCold.Bit(),
            null,
            10_000,
            0,
            0.5
        );
        Assert.All(await database.Hazards.WriteAsync(group), outcome => Assert.Null(outcome.Error)); // no default at all was needed

        foreach ((int grid, string city) in new[] { (1, "seoul"), (2, "busan"), (3, "jeju") })
        {
            (DateOnly Date, double Min, double Max)[] days = [.. cities[city].Where(day => day.Date.Year == 2024)];
            GridColumns year = (
                await database.Grid.ReadYearsAsync(Scenario.Ssp245, [2024], GridVariables.Annual, await database.Grid.ReadTilesAsync())
            )[2024];
            int summer = days.Count(day => day.Max > 25),
                tropical = days.Count(day => day.Min > 25);
            Assert.Equal(
                (summer, tropical),
                ((int)year[GridVariable.SummerDays][grid - 1], (int)year[GridVariable.TropicalNights][grid - 1])
            );
            double expected = 100 * ExtremeHeat.Score(summer, year[GridVariable.WarmSpellDays][grid - 1], tropical).Value;
            Assert.Equal(
                expected,
                await database.ScalarAsync<float>(
                    $"SELECT hazard_score FROM hazard_results WHERE grid_id = {grid} AND target_year = 2024 AND risk_type = 'extreme_heat'"
                ),
                1e-3
            );
        }
    }

    [SharedDataFact(Model + "cannonsville__ACCESS-CM2_ssp245_r1i1p1f1_DBCCA_Daymet.csv.gz")]
    public async Task A_century_of_modelled_days_runs_through_both_batches_and_warms()
    {
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        await ImportAsync(database, "location_grid", "grid_id,longitude,latitude\n1,-75.3,42.1\n");
        await ImportAsync(
            database,
            "cell_facts",
            "grid_id,landcover,impervious_ratio,elevation_m,distance_to_river_m,distance_to_coast_m,building_count,basin,admin_code\n1,4,0.05,500,800,200000,20,Delaware,cannon\n"
        );
        await ImportAsync(
            database,
            "api_wamis",
            "basin,watershed_area_km2,runoff_coef,usage_1000m3,withdrawal_m3,renewable_water_m3\nDelaware,1178,0.55,400000,4e8,8e8\n"
        );
        List<(DateOnly Date, double[] Ssp245, double[] Ssp370)> days = ReadModel();
        foreach ((int column, string table) in new[] { (0, "rn"), (1, "tamax"), (2, "tamin"), (3, "ws"), (7, "rhm") })
        {
            StringBuilder csv = new("observation_date,admin_code,ssp2,ssp3\n");
            foreach ((DateOnly date, double[] ssp245, double[] ssp370) in days)
            {
                csv.Append(
                    CultureInfo.InvariantCulture,
                    $"{date:yyyy-MM-dd},cannon,{Math.Min(ssp245[column], 100 + (table == "rhm" ? 0 : 900))},{Math.Min(ssp370[column], 100 + (table == "rhm" ? 0 : 900))}\n"
                );
            }

            ImportReceipt receipt = await ImportAsync(database, $"{table}_daily_sgg261", csv.ToString());
            Assert.Equal((days.Count, 0L), ((int)receipt.Accepted, receipt.Rejected));
        }

        await PackAsync(database, 2021, 2099);
        int mask =
            Risk.ExtremeHeat.Bit()
            | Risk.ExtremeCold.Bit()
            | Risk.RiverFlood.Bit()
            | Risk.UrbanFlood.Bit()
            | Risk.WaterStress.Bit()
            | Risk.SeaLevelRise.Bit();
        IReadOnlyList<PartitionOutcome> hazard = await database.Hazards.WriteAsync(
            new HazardGroup("real", DateTime.UtcNow, "SSP370", [2021, 2050, 2099], mask, null, 10_000, 0, 0.5)
        );
        PartitionOutcome probability = await database.Probabilities.WriteAsync(
            new ProbabilityTask(
                "real",
                DateTime.UtcNow,
                "SSP370",
                0,
                2021,
                2099,
                SampleWindow.Rolling30,
                Risk.ExtremeHeat.Bit() | Risk.ExtremeCold.Bit() | Risk.RiverFlood.Bit() | Risk.UrbanFlood.Bit() | Risk.WaterStress.Bit(),
                null,
                10_000,
                0,
                0.5
            )
        );

        Assert.All(hazard, outcome => Assert.Null(outcome.Error));
        Assert.Null(probability.Error);
        GridColumns year = (
            await database.Grid.ReadYearsAsync(Scenario.Ssp370, [2050], GridVariables.Annual, await database.Grid.ReadTilesAsync())
        )[2050];
        Assert.Equal(days.Where(day => day.Date.Year == 2050).Max(day => (float)day.Ssp370[0]), year[GridVariable.WettestDay][0]);
        Assert.Equal(395L, await database.ScalarAsync<long>("SELECT count(*) FROM probability_results")); // 79 years × 5 risks
        Assert.True(
            await database.ScalarAsync<bool>(
                """
                SELECT max(aal) FILTER (WHERE target_year = 2099) > 2 * max(aal) FILTER (WHERE target_year = 2021)
                FROM probability_results WHERE risk_type = 'extreme_heat'
                """
            ),
            "heat losses at least double by 2099"
        );
    }

    private static async Task PackAsync(ClimateDatabase database, int firstYear, int lastYear)
    {
        await database.Packer.PackAsync();
        DistrictIndices districts = new(database.Source);
        foreach (string district in await districts.ReadDistrictsAsync())
            Assert.True(await districts.DeriveAsync(district) > 0);
        YearPacker years = new(database.Source, database.Grid);
        for (int year = firstYear; year <= lastYear; year++)
            await years.PackAsync(year);
    }

    private static async Task<ImportReceipt> ImportAsync(ClimateDatabase database, string table, string csv)
    {
        MemoryStream packed = new();
        await using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(csv));
        packed.Position = 0;
        return await new CsvImporter(database.Source, new ImportLimits()).ImportAsync(table, packed, "shared data");
    }

    private static string DailyCsv(string district, IEnumerable<(DateOnly Date, double Value)> days) =>
        days.Aggregate(
                new StringBuilder("observation_date,admin_code,ssp1,ssp2,ssp3,ssp5\n"),
                (csv, day) =>
                    csv.Append(
                        CultureInfo.InvariantCulture,
                        $"{day.Date:yyyy-MM-dd},{district},{day.Value},{day.Value},{day.Value},{day.Value}\n"
                    )
            )
            .ToString();

    private static List<(DateOnly, double, double)> ReadStation(string city)
    {
        using JsonDocument document = JsonDocument.Parse(string.Concat(SharedData.Lines($"{Stations}{city}.json.gz")));
        return
        [
            .. document
                .RootElement.GetProperty("records")
                .EnumerateArray()
                .Select(day =>
                    (
                        DateOnly.Parse(day.GetProperty("date").GetString()!, CultureInfo.InvariantCulture),
                        day.GetProperty("minTemp").GetDouble(),
                        day.GetProperty("maxTemp").GetDouble()
                    )
                ),
        ];
    }

    private static List<(DateOnly, double[], double[])> ReadModel()
    {
        IEnumerable<(DateOnly Date, double[] Values)> Read(string scenario) =>
            from line in SharedData.Lines($"{Model}cannonsville__ACCESS-CM2_{scenario}_r1i1p1f1_DBCCA_Daymet.csv.gz").Skip(1)
            let fields = line.Split(',')
            select (
                DateOnly.Parse(fields[0], CultureInfo.InvariantCulture),
                fields[1..9].Select(field => double.Parse(field, CultureInfo.InvariantCulture)).ToArray()
            );
        return [.. Read("ssp245").Zip(Read("ssp370"), (one, other) => (one.Date, one.Values, other.Values))];
    }

    // Fixed columns of the RSMC Tokyo best-track file; knots and nautical miles become m/s and km.
    private static string BestTracks()
    {
        string[] grades = ["", "", "TD", "TS", "STS", "TY", "L", "", "", "TS"];
        StringBuilder csv = new(
            "tcid,year,month,day,hour,grade,latitude,longitude,max_wind_speed,central_pressure,storm_dir,storm_long,storm_short,gale_dir,gale_long,gale_short\n"
        );
        string storm = "";
        foreach (string line in SharedData.Lines(Storms).Select(line => line.PadRight(80)))
        {
            if (line.StartsWith("66666", StringComparison.Ordinal))
            {
                storm = line[6..10];
                continue;
            }

            string grade = grades[line[13] - '0'];
            if (grade.Length == 0)
                continue;
            double Tenths(Range at) => double.Parse(line[at], CultureInfo.InvariantCulture) / 10;
            string Scaled(Range at, double unit) =>
                double.TryParse(line[at], CultureInfo.InvariantCulture, out double value) && value > 0
                    ? (value * unit).ToString("F1", CultureInfo.InvariantCulture)
                    : "";
            string Direction(int at) =>
                line[at] is >= '1' and <= '8' ? ((line[at] - '0') * 45 % 360).ToString(CultureInfo.InvariantCulture) : "";
            csv.Append(
                CultureInfo.InvariantCulture,
                $"{storm},20{line[..2]},{int.Parse(line[2..4])},{int.Parse(line[4..6])},{int.Parse(line[6..8])},{grade},{Tenths(15..18)},{Tenths(19..23)},{Scaled(33..36, 0.5144)},{line[24..28].Trim()},{Direction(41)},{Scaled(42..46, 1.852)},{Scaled(47..51, 1.852)},{Direction(52)},{Scaled(53..57, 1.852)},{Scaled(58..62, 1.852)}\n"
            );
        }

        return csv.ToString();
    }
}
