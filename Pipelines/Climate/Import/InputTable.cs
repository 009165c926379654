using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Import;

/// <summary>How a column is read.</summary>
public enum ColumnKind
{
    Small,
    Integer,
    Long,
    Real,
    Double,
    Decimal,
    Text,
    Day,

    /// <summary>Stored as its first day, whatever day was delivered.</summary>
    Month,
    Timestamp,
    Json,
}

/// <summary>A column of an input table and its allowed values.</summary>
/// <param name="Required">Blank is refused; otherwise blank is NULL.</param>
/// <param name="Least">Smallest number allowed.</param>
/// <param name="Most">Largest number allowed.</param>
/// <param name="Allowed">The only texts allowed.</param>
/// <param name="Longest">Most characters of a text.</param>
/// <param name="NotGiven">A number outside the range that the source writes for "not given"; it becomes NULL, like a blank.</param>
public sealed record InputColumn(
    string Name,
    ColumnKind Kind,
    bool Required = false,
    double? Least = null,
    double? Most = null,
    IReadOnlyList<string>? Allowed = null,
    int Longest = 1000,
    double? NotGiven = null
);

/// <summary>A table that can be imported: its columns, its key, and the grid its cells must belong to.</summary>
/// <param name="CellsOf">Table of known <c>grid_id</c>s; null when the table has none to check.</param>
/// <param name="AlsoUnique">Unique columns besides the key.</param>
/// <param name="HasCalendarDay">Its columns <c>year</c>, <c>month</c> and <c>day</c> form a date.</param>
public sealed record InputTable(
    string Name,
    IReadOnlyList<InputColumn> Columns,
    IReadOnlyList<string> Key,
    string? CellsOf = null,
    IReadOnlyList<string>? AlsoUnique = null,
    bool HasCalendarDay = false
)
{
    /// <summary>The column with this name, ignoring case; null when there is none.</summary>
    public InputColumn? Find(string name) =>
        Columns.FirstOrDefault(column => string.Equals(column.Name, name, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Every table a climate warehouse may deliver.</summary>
public static class InputTables
{
    /// <summary>Allowed years of rows. A later year is a typo that would extend every series up to it.</summary>
    public const int FirstYear = 1900,
        LastYear = 2100;

    private static readonly InputColumn GridId = new("grid_id", ColumnKind.Integer, true, 1);
    private static readonly InputColumn Latitude = new("latitude", ColumnKind.Decimal, true, -90, 90),
        Longitude = new("longitude", ColumnKind.Decimal, true, -180, 180);

    /// <summary>By name.</summary>
    public static IReadOnlyDictionary<string, InputTable> All { get; } = Build().ToDictionary(table => table.Name);

    /// <summary>The monthly grid tables.</summary>
    public static IReadOnlyList<string> Monthly { get; } =
    ["tamax_data", "tamin_data", "ta_data", "rn_data", "ws_data", "rhm_data", "si_data", "spei12_data"];

    private static IEnumerable<InputTable> Build() =>
        [
            Monthly_("tamax_data", -90, 60),
            Monthly_("tamin_data", -90, 60),
            Monthly_("ta_data", -90, 60),
            Monthly_("rn_data", 0, 5000),
            Monthly_("ws_data", 0, 150),
            Monthly_("rhm_data", 0, 100),
            Monthly_("si_data", 0, 2000),
            Monthly_("spei12_data", -10, 10),
            Yearly("wsdi_data", 0, 366),
            Yearly("csdi_data", 0, 366),
            Yearly("rx1day_data", 0, 3000),
            Yearly("rx5day_data", 0, 10_000),
            Yearly("cdd_data", 0, 366),
            Yearly("rain80_data", 0, 366),
            Yearly("sdii_data", 0, 1000),
            Yearly("ta_yearly_data", -90, 60),
            Yearly("sea_level_data", -500, 1000) with
            {
                CellsOf = "sea_level_grid",
            },
            Daily("ta", -90, 60),
            Daily("tamax", -90, 60),
            Daily("tamin", -90, 60),
            Daily("rn", 0, 3000),
            Daily("rhm", 0, 100),
            Daily("ws", 0, 150),
            Daily("si", 0, 100),
            new("location_grid", [GridId, Longitude, Latitude], ["grid_id"], AlsoUnique: ["latitude", "longitude"]),
            new("sea_level_grid", [GridId, Longitude, Latitude], ["grid_id"]),
            new(
                "cell_facts",
                [
                    GridId,
                    new("landcover", ColumnKind.Small, false, 0, 99),
                    new("impervious_ratio", ColumnKind.Real, false, 0, 1),
                    new("elevation_m", ColumnKind.Real, false, -500, 9000),
                    new("distance_to_river_m", ColumnKind.Real, false, 0),
                    new("distance_to_coast_m", ColumnKind.Real, false, 0),
                    new("building_count", ColumnKind.Real, false, 0),
                    new("basin", ColumnKind.Text),
                    new("admin_code", ColumnKind.Text, Longest: 10),
                ],
                ["grid_id"],
                "location_grid"
            ),
            new(
                "location_admin",
                [
                    new("admin_code", ColumnKind.Text, true, Longest: 10),
                    new("admin_name", ColumnKind.Text, true),
                    new("population", ColumnKind.Long, false, 0),
                ],
                ["admin_code"]
            ),
            new(
                "api_river_info",
                [
                    new("river_code", ColumnKind.Text, true),
                    new("river_name", ColumnKind.Text, true),
                    new("basin", ColumnKind.Text),
                    new("watershed_area_km2", ColumnKind.Real, false, 0),
                    new("stream_order", ColumnKind.Small, false, 1, 12),
                ],
                ["river_code"]
            ),
            new(
                "api_wamis",
                [
                    new("basin", ColumnKind.Text, true),
                    new("watershed_area_km2", ColumnKind.Real, false, 0),
                    new("runoff_coef", ColumnKind.Real, false, 0, 1),
                    new("usage_1000m3", ColumnKind.Real, false, 0),
                    new("withdrawal_m3", ColumnKind.Double, false, 0),
                    new("renewable_water_m3", ColumnKind.Double, false, 0),
                ],
                ["basin"]
            ),
            new(
                "water_stress_rankings",
                [
                    new("name", ColumnKind.Text, true),
                    new("year", ColumnKind.Small, true, FirstYear, LastYear),
                    new("scenario", ColumnKind.Text, true),
                    new("indicator", ColumnKind.Text, true),
                    new("score", ColumnKind.Real),
                ],
                ["name", "year", "scenario", "indicator"]
            ),
            new(
                "building_aggregate_cache",
                [
                    new("lot_id", ColumnKind.Text, true),
                    new("grid_id", ColumnKind.Integer, false, 1),
                    new("structure_types", ColumnKind.Json),
                    new("purpose_types", ColumnKind.Json),
                    new("max_ground_floors", ColumnKind.Small, false, 0),
                    new("max_underground_floors", ColumnKind.Small, false, 0),
                    new("buildings_with_seismic", ColumnKind.Integer, false, 0),
                    new("buildings_without_seismic", ColumnKind.Integer, false, 0),
                    new("oldest_building_age_years", ColumnKind.Real, false, 0),
                    new("total_floor_area_sqm", ColumnKind.Double, false, 0),
                ],
                ["lot_id"]
            ),
            new(
                "api_typhoon_besttrack",
                [
                    new("tcid", ColumnKind.Text, true),
                    new("year", ColumnKind.Small, true, FirstYear, LastYear),
                    new("month", ColumnKind.Small, true, 1, 12),
                    new("day", ColumnKind.Small, true, 1, 31),
                    new("hour", ColumnKind.Small, true, 0, 23),
                    new("grade", ColumnKind.Text, true, Allowed: ["TD", "TS", "STS", "TY", "L"]),
                    new("longitude", ColumnKind.Real, true, -180, 360),
                    new("latitude", ColumnKind.Real, true, -90, 90),
                    Storm("max_wind_speed", 150),
                    Storm("central_pressure", 1100),
                    Storm("gale_long", 5000),
                    Storm("gale_short", 5000),
                    Storm("gale_dir", 360),
                    Storm("storm_long", 5000),
                    Storm("storm_short", 5000),
                    Storm("storm_dir", 360),
                    new("typhoon_name", ColumnKind.Text),
                ],
                ["tcid", "year", "month", "day", "hour"],
                HasCalendarDay: true
            ),
            new(
                "api_typhoon_track",
                [
                    new("year", ColumnKind.Small, true, FirstYear, LastYear),
                    new("typ_seq", ColumnKind.Small, true, 0),
                    new("seq", ColumnKind.Small, true, 0),
                    new("ft_type", ColumnKind.Small, true, 0, 1),
                    new("tmd", ColumnKind.Text),
                    new("typ_tm", ColumnKind.Timestamp, true),
                    new("ft_tm", ColumnKind.Timestamp, true),
                    new("latitude", ColumnKind.Real, true, -90, 90),
                    new("longitude", ColumnKind.Real, true, -180, 360),
                    new("direction", ColumnKind.Text),
                    Storm("speed_kmh", 500),
                    Storm("pressure_hpa", 1100),
                    Storm("wind_speed_ms", 150),
                    Storm("rad15_km", 5000),
                    Storm("rad25_km", 5000),
                    new("grade", ColumnKind.Text),
                ],
                ["year", "typ_seq", "seq", "ft_type", "typ_tm", "ft_tm"]
            ),
        ];

    private static InputColumn Storm(string name, double most) => new(name, ColumnKind.Real, false, 0, most, NotGiven: -999);

    private static InputTable Monthly_(string name, double least, double most) =>
        new(
            name,
            [new("observation_date", ColumnKind.Month, true), GridId, .. Values(least, most)],
            ["observation_date", "grid_id"],
            "location_grid"
        );

    private static InputTable Yearly(string name, double least, double most) =>
        new(
            name,
            [new("year", ColumnKind.Small, true, FirstYear, LastYear), GridId, .. Values(least, most)],
            ["year", "grid_id"],
            "location_grid"
        );

    private static InputTable Daily(string variable, double least, double most) =>
        new(
            $"{variable}_daily_sgg261",
            [new("observation_date", ColumnKind.Day, true), new("admin_code", ColumnKind.Text, true, Longest: 10), .. Values(least, most)],
            ["observation_date", "admin_code"]
        );

    private static IEnumerable<InputColumn> Values(double least, double most) =>
        Scenarios.Columns.Select(column => new InputColumn(column, ColumnKind.Real, false, least, most));
}
