namespace Durable.Pipelines.Climate.Grid;

/// <summary>Content of a grid column. The number is stored in <c>climate.cell_series</c> and never changes.</summary>
public enum GridVariable : short
{
    /// <summary>SU25, days a year with a maximum above 25 °C.</summary>
    SummerDays = 1,

    /// <summary>TR25, nights a year with a minimum above 25 °C.</summary>
    TropicalNights = 2,

    /// <summary>FD0, days a year with a minimum below 0 °C.</summary>
    FrostDays = 3,

    /// <summary>ID0, days a year with a maximum below 0 °C.</summary>
    IceDays = 4,

    /// <summary>TNn, °C.</summary>
    ColdestNight = 5,

    /// <summary>WSDI, days a year.</summary>
    WarmSpellDays = 6,

    /// <summary>CSDI, days a year.</summary>
    ColdSpellDays = 7,

    /// <summary>CDD, days.</summary>
    DryDays = 8,

    /// <summary>RX1DAY, mm.</summary>
    WettestDay = 9,

    /// <summary>Days a year with 80 mm or more.</summary>
    Rain80Days = 10,

    /// <summary>Annual mean, °C.</summary>
    Temperature = 11,

    /// <summary>Annual mean relative humidity, %.</summary>
    Humidity = 12,

    /// <summary>Annual mean wind, m/s.</summary>
    Wind = 13,

    /// <summary>Annual sum, mm.</summary>
    AnnualRain = 14,

    /// <summary>SPEI-12 of June.</summary>
    Spei12June = 15,

    /// <summary>Lowest monthly SPEI-12 of the year.</summary>
    Spei12Lowest = 16,

    /// <summary>Sea-level rise at the nearest sea-level grid point, cm.</summary>
    SeaLevel = 17,

    /// <summary>Raster class, see <see cref="Model.LandCover"/>. From here on: the same for every scenario and year.</summary>
    LandCover = 101,
    ImperviousRatio = 102,

    /// <summary>Metres.</summary>
    RiverDistance = 103,

    /// <summary>Metres.</summary>
    CoastDistance = 104,

    /// <summary>Metres above the sea.</summary>
    Elevation = 105,

    /// <summary>Buildings per km².</summary>
    BuildingCount = 106,

    /// <summary>km².</summary>
    BasinArea = 107,
    BasinRunoff = 108,

    /// <summary>10³ m³ a year.</summary>
    WaterUsage = 109,

    /// <summary>10⁶ m³ a year.</summary>
    Withdrawal = 110,

    /// <summary>TRWR, 10⁶ m³ a year.</summary>
    RenewableWater = 111,

    // Sums over storm tracks, see Hazards.TyphoonExposure.
    TyphoonPoints = 112,
    TyphoonWind = 113,
    TyphoonNearness = 114,
    TyphoonFallbackRain = 115,
    TyphoonWindyPoints = 116,

    /// <summary>Number of the nearest point of <c>climate.sea_level_grid</c>.</summary>
    SeaPoint = 117,

    /// <summary>S_tc of one past year (1951 …), for every scenario; a year without storms holds 0.</summary>
    TyphoonIndex = 120,
}

public static class GridVariables
{
    /// <summary>The annual variables, one block for each scenario, year and tile.</summary>
    public static IReadOnlyList<GridVariable> Annual { get; } =
    [.. Enum.GetValues<GridVariable>().Where(variable => (short)variable < 100)];

    /// <summary>Facts about the place itself.</summary>
    public static IReadOnlyList<GridVariable> Static { get; } =
    [.. Enum.GetValues<GridVariable>().Where(variable => (short)variable is > 100 and < 120)];

    /// <summary>Annual variables that H reads.</summary>
    public static IReadOnlyList<GridVariable> ForHazard { get; } =
    [.. Annual.Where(variable => variable is not (GridVariable.Rain80Days or GridVariable.Spei12Lowest))];

    /// <summary>Annual variables whose whole series P(H) reads.</summary>
    public static IReadOnlyList<GridVariable> ForProbability { get; } =
    [
        GridVariable.WarmSpellDays,
        GridVariable.ColdSpellDays,
        GridVariable.Spei12Lowest,
        GridVariable.WettestDay,
        GridVariable.Rain80Days,
        GridVariable.SeaLevel,
        GridVariable.Temperature,
        GridVariable.Humidity,
        GridVariable.Wind,
        GridVariable.AnnualRain,
    ];

    /// <summary>The day counts that are only approximate when they come from monthly values.</summary>
    public static IReadOnlyList<GridVariable> DayCounts { get; } =
    [GridVariable.SummerDays, GridVariable.TropicalNights, GridVariable.FrostDays, GridVariable.IceDays];
}
