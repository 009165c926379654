using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Sample;

/// <summary>
/// A generated climate for trials: plausible for South Korea, reproducible by seed, not measured. Warming follows the four scenarios and is
/// ordered SSP126 &lt; SSP245 &lt; SSP370 &lt; SSP585 by 2081–2100; the scenarios share their weather noise, so that the order does not
/// depend on chance.
/// </summary>
/// <param name="cells">1 to 451,351 cells, spread evenly over the 601 × 751 grid of 0.01°.</param>
public sealed class SampleClimate(int cells, int seed)
{
    public const int Rows = 601,
        Columns = 751,
        GridCells = Rows * Columns;

    private static readonly string[] Basins = ["한강", "낙동강", "금강", "섬진강", "영산강", "제주"];
    private readonly ulong key = (ulong)seed;

    public int Cells { get; } =
        cells is > 0 and <= GridCells
            ? cells
            : throw new ArgumentOutOfRangeException(nameof(cells), cells, $"The grid has 1 to {GridCells} cells.");

    /// <summary>The grid, by grid number; a number is row × 751 + column + 1 from the south-west corner.</summary>
    public IReadOnlyList<Tile> Tiles() =>
        [
            .. Enumerable
                .Range(0, Cells)
                .Select(cell => (int)((long)cell * GridCells / Cells) + 1)
                .Chunk(Tile.Size)
                .Select((ids, number) => new Tile(number, ids, [.. ids.Select(Latitude)], [.. ids.Select(Longitude)])),
        ];

    public static double Latitude(int gridId) => Math.Round(33.0 + (gridId - 1) / Columns * 0.01, 6);

    public static double Longitude(int gridId) => Math.Round(124.5 + (gridId - 1) % Columns * 0.01, 6);

    /// <summary>Warming since 2020 in °C. By 2100: 1.2, 2.4, 3.9 and 5.2.</summary>
    public static double Warming(Scenario scenario, int year)
    {
        double t = Math.Max(0, (year - 2020) / 80.0);
        return scenario switch
        {
            Scenario.Ssp126 => 1.2 * (1 - Math.Exp(-3 * t)) / (1 - Math.Exp(-3.0)),
            Scenario.Ssp245 => 2.4 * Math.Pow(t, 0.9),
            Scenario.Ssp370 => 3.9 * Math.Pow(t, 1.1),
            _ => 5.2 * Math.Pow(t, 1.15),
        };
    }

    /// <summary>Sea-level rise in cm since 2015 at a sea-level grid point. By 2100: about 46, 56, 68 and 82.</summary>
    public double SeaLevel(Scenario scenario, int year, int point)
    {
        double t = Math.Max(0, (year - 2015) / 85.0),
            end = 46 + 12 * scenario.Index();
        return end * (0.45 * t + 0.55 * t * t) * (0.93 + 0.14 * Noise.Uniform(key, 17, (ulong)point));
    }

    /// <summary>Metres above the sea: plains in the west, ranges in the east.</summary>
    public double Elevation(int gridId)
    {
        double east = (Longitude(gridId) - 124.5) / 7.5,
            hills = Noise.Uniform(key, 105, (ulong)gridId);
        return Math.Round(1 + 700 * hills * hills * (0.25 + east), 1);
    }

    public LandCover Cover(int gridId) =>
        Noise.Uniform(key, 101, (ulong)gridId) switch
        {
            < 0.60 => LandCover.Forest,
            < 0.78 => LandCover.Agricultural,
            < 0.88 => LandCover.Urban,
            < 0.93 => LandCover.Grassland,
            < 0.96 => LandCover.Water,
            < 0.98 => LandCover.Wetland,
            _ => LandCover.Barren,
        };

    /// <summary>Facts about a cell in the columns of <c>climate.cell_facts</c>.</summary>
    internal SampleFacts Facts(int gridId)
    {
        ulong id = (ulong)gridId;
        LandCover cover = Cover(gridId);
        double dense = cover == LandCover.Urban ? 1 : 0.05,
            latitude = Latitude(gridId),
            longitude = Longitude(gridId);
        string basin =
            latitude < 33.6 ? Basins[5]
            : latitude > 36.9 ? Basins[0]
            : longitude > 127.8 ? Basins[1]
            : latitude > 35.9 ? Basins[2]
            : longitude > 127.1 ? Basins[3]
            : Basins[4];
        return new SampleFacts(
            gridId,
            cover,
            Math.Round(Math.Clamp(cover.ImperviousRatio() + 0.05 * Noise.Bell(key, 102, id), 0, 1), 3),
            Elevation(gridId),
            Math.Round(150 + 12_000 * Math.Pow(Noise.Uniform(key, 103, id), 2)),
            Math.Round(1400 * dense * Noise.Uniform(key, 106, id)),
            basin
        );
    }

    /// <summary>All annual variables of one scenario and year for the cells of a tile, except the sea level, which the packer looks
    /// up.</summary>
    public GridColumns Year(Scenario scenario, int year, Tile tile)
    {
        GridColumns columns = new(tile.Cells);
        double warming = Warming(scenario, year);
        for (int at = 0; at < tile.Cells; at++)
            Put(columns, at, Weather.Of(key, tile.GridIds[at], tile.Latitudes[at], Elevation(tile.GridIds[at]), year, warming));
        return columns;
    }

    private static void Put(GridColumns columns, int at, in Weather weather)
    {
        columns[GridVariable.Temperature][at] = weather.Temperature;
        columns[GridVariable.SummerDays][at] = weather.SummerDays;
        columns[GridVariable.TropicalNights][at] = weather.TropicalNights;
        columns[GridVariable.FrostDays][at] = weather.FrostDays;
        columns[GridVariable.IceDays][at] = weather.IceDays;
        columns[GridVariable.ColdestNight][at] = weather.ColdestNight;
        columns[GridVariable.WarmSpellDays][at] = weather.WarmSpellDays;
        columns[GridVariable.ColdSpellDays][at] = weather.ColdSpellDays;
        columns[GridVariable.AnnualRain][at] = weather.Rain;
        columns[GridVariable.WettestDay][at] = weather.WettestDay;
        columns[GridVariable.Rain80Days][at] = weather.Rain80Days;
        columns[GridVariable.DryDays][at] = weather.DryDays;
        columns[GridVariable.Humidity][at] = weather.Humidity;
        columns[GridVariable.Wind][at] = weather.Wind;
        columns[GridVariable.Spei12June][at] = weather.SpeiJune;
        columns[GridVariable.Spei12Lowest][at] = weather.SpeiLowest;
    }
}

/// <summary>A row of <c>climate.cell_facts</c>.</summary>
internal sealed record SampleFacts(
    int GridId,
    LandCover Cover,
    double Impervious,
    double Elevation,
    double RiverDistance,
    double Buildings,
    string Basin
);
