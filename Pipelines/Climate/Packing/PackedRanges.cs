using Durable.Operations;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Import;

namespace Durable.Pipelines.Climate.Packing;

/// <summary>An input table has a value that its variable cannot have, such as a code for "not given". Permanent.</summary>
public sealed class ImpossibleInputException(string table, string where, float value, double least, double most)
    : PermanentFailureException(
        FormattableString.Invariant(
            $"climate.{table} gives {value} for {where}; it must be from {least} to {most}, or NULL when not given. Correct the rows, then pack again."
        )
    );

/// <summary>Checks packed columns against the importer's ranges, for rows written past the importer. A code within a sum or mean shows when
/// it pulls that out of range.</summary>
internal static class PackedRanges
{
    private const int MonthsOfYear = 12;

    private static readonly Dictionary<GridVariable, (string Table, string Column)> Sources = new()
    {
        [GridVariable.ColdestNight] = ("tamin_data", "ssp1"),
        [GridVariable.WarmSpellDays] = ("wsdi_data", "ssp1"),
        [GridVariable.ColdSpellDays] = ("csdi_data", "ssp1"),
        [GridVariable.DryDays] = ("cdd_data", "ssp1"),
        [GridVariable.WettestDay] = ("rx1day_data", "ssp1"),
        [GridVariable.Rain80Days] = ("rain80_data", "ssp1"),
        [GridVariable.Temperature] = ("ta_data", "ssp1"),
        [GridVariable.Humidity] = ("rhm_data", "ssp1"),
        [GridVariable.Wind] = ("ws_data", "ssp1"),
        [GridVariable.AnnualRain] = ("rn_data", "ssp1"),
        [GridVariable.Spei12June] = ("spei12_data", "ssp1"),
        [GridVariable.Spei12Lowest] = ("spei12_data", "ssp1"),
        [GridVariable.SeaLevel] = ("sea_level_data", "ssp1"),
        [GridVariable.LandCover] = ("cell_facts", "landcover"),
        [GridVariable.ImperviousRatio] = ("cell_facts", "impervious_ratio"),
        [GridVariable.Elevation] = ("cell_facts", "elevation_m"),
        [GridVariable.RiverDistance] = ("cell_facts", "distance_to_river_m"),
        [GridVariable.CoastDistance] = ("cell_facts", "distance_to_coast_m"),
        [GridVariable.BuildingCount] = ("cell_facts", "building_count"),
        [GridVariable.BasinArea] = ("api_wamis", "watershed_area_km2"),
        [GridVariable.BasinRunoff] = ("api_wamis", "runoff_coef"),
        [GridVariable.WaterUsage] = ("api_wamis", "usage_1000m3"),
        [GridVariable.Withdrawal] = ("api_wamis", "withdrawal_m3"),
        [GridVariable.RenewableWater] = ("api_wamis", "renewable_water_m3"),
    };

    /// <summary>Checks every column that comes from one input column.</summary>
    /// <param name="gridIds">Of the cells, in their order.</param>
    /// <param name="when">Scenario and year; empty for places.</param>
    /// <exception cref="ImpossibleInputException">The first value out of range.</exception>
    public static void Check(GridColumns columns, IEnumerable<GridVariable> variables, IReadOnlyList<int> gridIds, string when)
    {
        foreach (GridVariable variable in variables)
        {
            if (!Sources.TryGetValue(variable, out (string Table, string Column) source))
                continue;
            InputColumn input = InputTables.All[source.Table].Find(source.Column)!;
            double least = input.Least ?? double.NegativeInfinity,
                most = (input.Most ?? double.PositiveInfinity) * (variable is GridVariable.AnnualRain ? MonthsOfYear : 1);
            float[] column = columns[variable];
            for (int cell = 0; cell < column.Length; cell++)
            {
                if (column[cell] < least || column[cell] > most)
                    throw new ImpossibleInputException(
                        source.Table,
                        $"{variable} of cell {gridIds[cell]}{when}",
                        column[cell],
                        least,
                        most
                    );
            }
        }
    }
}
