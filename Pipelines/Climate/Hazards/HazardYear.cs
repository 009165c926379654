using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Hazards;

/// <summary>Scores all cells of one scenario and year, cell by cell, from whole columns.</summary>
public sealed class HazardYear
{
    /// <summary>Bits of <c>fallbacks</c> that mark days counted on monthly values (at most 12).</summary>
    public const int MonthlyHeatBit = 1 << 9,
        MonthlyColdBit = 1 << 10;

    private readonly float[] summerDays,
        tropicalNights,
        frostDays,
        iceDays,
        coldestNight,
        warmSpells,
        coldSpells,
        dryDays,
        wettestDay,
        temperature,
        humidity,
        wind,
        rain,
        spei,
        seaLevel;
    private readonly float[] cover,
        impervious,
        river,
        coast,
        buildings,
        area,
        runoff,
        usage;
    private readonly float[] stormPoints,
        stormWind,
        stormNearness,
        stormRain,
        stormWindy;
    private readonly int monthlyBits;

    /// <param name="annual">Columns of the scenario and year.</param>
    /// <param name="place">Columns that hold for every year, over the same cells.</param>
    public HazardYear(GridColumns annual, GridColumns place)
    {
        if (annual.Cells != place.Cells)
            throw new ArgumentException($"{annual.Cells} cells of annual values, but {place.Cells} of facts.", nameof(place));

        Cells = annual.Cells;
        (summerDays, tropicalNights) = (annual[GridVariable.SummerDays], annual[GridVariable.TropicalNights]);
        (frostDays, iceDays, coldestNight) = (
            annual[GridVariable.FrostDays],
            annual[GridVariable.IceDays],
            annual[GridVariable.ColdestNight]
        );
        (warmSpells, coldSpells, dryDays) = (
            annual[GridVariable.WarmSpellDays],
            annual[GridVariable.ColdSpellDays],
            annual[GridVariable.DryDays]
        );
        (wettestDay, rain, spei) = (annual[GridVariable.WettestDay], annual[GridVariable.AnnualRain], annual[GridVariable.Spei12June]);
        (temperature, humidity, wind) = (annual[GridVariable.Temperature], annual[GridVariable.Humidity], annual[GridVariable.Wind]);
        seaLevel = annual[GridVariable.SeaLevel];
        (cover, impervious, buildings) = (
            place[GridVariable.LandCover],
            place[GridVariable.ImperviousRatio],
            place[GridVariable.BuildingCount]
        );
        (river, coast) = (place[GridVariable.RiverDistance], place[GridVariable.CoastDistance]);
        (area, runoff, usage) = (place[GridVariable.BasinArea], place[GridVariable.BasinRunoff], place[GridVariable.WaterUsage]);
        (stormPoints, stormWindy) = (place[GridVariable.TyphoonPoints], place[GridVariable.TyphoonWindyPoints]);
        (stormWind, stormNearness, stormRain) = (
            place[GridVariable.TyphoonWind],
            place[GridVariable.TyphoonNearness],
            place[GridVariable.TyphoonFallbackRain]
        );
        monthlyBits =
            (annual.IsFromMonthly(GridVariable.SummerDays) || annual.IsFromMonthly(GridVariable.TropicalNights) ? MonthlyHeatBit : 0)
            | (annual.IsFromMonthly(GridVariable.FrostDays) || annual.IsFromMonthly(GridVariable.IceDays) ? MonthlyColdBit : 0);
    }

    public int Cells { get; }

    /// <summary>Writes 100·H in hundredths of a point (0 to 10,000) for each of the nine risks and returns the fallback bits of the
    /// cell.</summary>
    /// <param name="scores">Room for <see cref="Risks.Count"/> values in the order of <see cref="Risk"/>.</param>
    public short Score(int cell, Span<short> scores)
    {
        LandCover land = LandCovers.FromCode(cover[cell]);
        // Land cover itself may be unknown: every risk that uses it then rests on a default.
        bool noLand = float.IsNaN(cover[cell]);
        int fallbacks = monthlyBits;
        Put(Risk.ExtremeHeat, ExtremeHeat.Score(summerDays[cell], warmSpells[cell], tropicalNights[cell]), false, scores, ref fallbacks);
        Put(
            Risk.ExtremeCold,
            ExtremeCold.Score(frostDays[cell], coldSpells[cell], iceDays[cell], coldestNight[cell]),
            false,
            scores,
            ref fallbacks
        );
        Put(Risk.Wildfire, Wildfire.Score(temperature[cell], humidity[cell], wind[cell], rain[cell], land), noLand, scores, ref fallbacks);
        Put(Risk.Drought, Drought.Score(spei[cell], rain[cell], dryDays[cell]), false, scores, ref fallbacks);
        Put(
            Risk.WaterStress,
            WaterStress.Score(Stated.Of(rain[cell]), Stated.Of(usage[cell]), Stated.Of(area[cell]), Stated.Of(runoff[cell])),
            false,
            scores,
            ref fallbacks
        );
        Put(Risk.SeaLevelRise, SeaLevelRise.Score(seaLevel[cell], coast[cell]), false, scores, ref fallbacks);
        Put(Risk.RiverFlood, RiverFlood.Score(wettestDay[cell], land, river[cell]), noLand, scores, ref fallbacks);
        Put(
            Risk.UrbanFlood,
            UrbanFlood.Score(wettestDay[cell], land, Stated.Of(impervious[cell]), buildings[cell]),
            noLand,
            scores,
            ref fallbacks
        );
        bool tracksKnown = !float.IsNaN(stormPoints[cell]);
        TyphoonExposure exposure = tracksKnown
            ? new((int)stormPoints[cell], stormWind[cell], stormNearness[cell], stormRain[cell], (int)stormWindy[cell])
            : default;
        Put(Risk.Typhoon, Typhoon.Score(exposure, wettestDay[cell], tracksKnown), false, scores, ref fallbacks);
        return (short)fallbacks;
    }

    private static void Put(Risk risk, HazardScore score, bool alsoFallback, Span<short> scores, ref int fallbacks)
    {
        scores[(int)risk] = Hundredths(score.Value);
        if (score.UsedFallback || alsoFallback)
            fallbacks |= risk.Bit();
    }

    /// <exception cref="InvalidOperationException">H is NaN or outside 0 to 1: the partition must fail, not store a zero.</exception>
    private static short Hundredths(double value) =>
        value is >= 0 and <= 1
            ? (short)Math.Round(value * 10_000)
            : throw new InvalidOperationException($"H = {value} lies outside 0 to 1.");
}
