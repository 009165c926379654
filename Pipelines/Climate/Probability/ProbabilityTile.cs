using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Model;

namespace Durable.Pipelines.Climate.Probability;

/// <summary>P(H) and annual loss of every cell of a tile, risk and target year, for one scenario.</summary>
public sealed class ProbabilityTile
{
    private readonly SortedDictionary<int, GridColumns> years;
    private readonly GridColumns place;
    private readonly SortedDictionary<int, GridColumns> storms;
    private readonly int[] projected,
        historical;
    private readonly int firstTarget,
        targets,
        riskMask;
    private readonly bool rolling;
    private readonly byte[] packed; // PackedYears by cell and risk
    private readonly short[] constants; // bit of a risk: its first year stands for all

    /// <param name="years">Annual columns by year. Years before 2021, when there are at least 10 of them, are the baseline of the quantile
    /// bins; else the first 30 projected ones.</param>
    /// <param name="place">Facts about the tile's cells.</param>
    /// <param name="storms">Typhoon index by year of the track record; the whole record is the sample for every target year.</param>
    public ProbabilityTile(
        SortedDictionary<int, GridColumns> years,
        GridColumns place,
        SortedDictionary<int, GridColumns> storms,
        int firstYear,
        int lastYear,
        string window,
        int riskMask
    )
    {
        (this.years, this.place, this.storms, this.riskMask) = (years, place, storms, riskMask);
        rolling = window == SampleWindow.Rolling30;
        (firstTarget, targets) = (firstYear, lastYear - firstYear + 1);
        projected = [.. years.Keys.Where(year => year >= Scenarios.FirstYear)];
        historical = [.. years.Keys.Where(year => year < Scenarios.FirstYear)];
        packed = GC.AllocateUninitializedArray<byte>(place.Cells * Risks.Count * targets * PackedYears.Size);
        constants = new short[place.Cells];
        Fallbacks = new short[place.Cells];
    }

    public int Targets => targets;

    /// <summary>By cell: the risks that rest on a stated default, or could not be computed.</summary>
    public short[] Fallbacks { get; }

    /// <summary>Totals over the computed cells.</summary>
    internal LossSummary Summary { get; } = new();

    /// <summary>Target years of a computed cell and risk; one when all are equal.</summary>
    public ReadOnlyMemory<byte> Years(int cell, Risk risk) =>
        packed.AsMemory(Start(cell, risk), (constants[cell] & risk.Bit()) != 0 ? PackedYears.Size : targets * PackedYears.Size);

    /// <param name="cells">Positions in the tile.</param>
    /// <exception cref="InvalidOperationException">A probability or loss is out of range: the partition must fail.</exception>
    public void Compute(IReadOnlyList<int> cells, CancellationToken cancellationToken = default)
    {
        Worker worker = new(this);
        for (int at = 0; at < cells.Count; at++)
        {
            if (at % 256 == 0)
                cancellationToken.ThrowIfCancellationRequested();
            worker.Compute(cells[at]);
        }
    }

    private Span<byte> Room(int cell, Risk risk) => packed.AsSpan(Start(cell, risk), targets * PackedYears.Size);

    private int Start(int cell, Risk risk) => (cell * Risks.Count + (int)risk) * targets * PackedYears.Size;

    private sealed class Worker
    {
        private readonly ProbabilityTile tile;
        private readonly RollingBins rollingBins = new();
        private readonly TargetBins bins = new();
        private readonly double[] series,
            probabilities = new double[5],
            known,
            storm = new double[BinSchemes.Typhoon.Count];
        private readonly CellSeries warm,
            cold,
            spei,
            wettest,
            rain80,
            sea,
            temperature,
            humidity,
            wind,
            rain;
        private readonly CellSeries warmBefore,
            coldBefore,
            wettestBefore,
            stormIndex;
        private float[]? stormsBefore;

        public Worker(ProbabilityTile tile)
        {
            this.tile = tile;
            series = new double[tile.projected.Length];
            known = new double[Math.Max(series.Length, Math.Max(tile.historical.Length, tile.storms.Count))];
            CellSeries Projected(GridVariable variable) => new([.. tile.projected.Select(year => tile.years[year][variable])]);
            CellSeries Before(GridVariable variable) => new([.. tile.historical.Select(year => tile.years[year][variable])]);
            (warm, cold, spei) = (
                Projected(GridVariable.WarmSpellDays),
                Projected(GridVariable.ColdSpellDays),
                Projected(GridVariable.Spei12Lowest)
            );
            (wettest, rain80, sea) = (
                Projected(GridVariable.WettestDay),
                Projected(GridVariable.Rain80Days),
                Projected(GridVariable.SeaLevel)
            );
            (temperature, humidity) = (Projected(GridVariable.Temperature), Projected(GridVariable.Humidity));
            (wind, rain) = (Projected(GridVariable.Wind), Projected(GridVariable.AnnualRain));
            (warmBefore, coldBefore, wettestBefore) = (
                Before(GridVariable.WarmSpellDays),
                Before(GridVariable.ColdSpellDays),
                Before(GridVariable.WettestDay)
            );
            stormIndex = new([.. tile.storms.Values.Select(columns => columns[GridVariable.TyphoonIndex])]);
        }

        public void Compute(int cell)
        {
            if (Wanted(Risk.ExtremeHeat))
                Quantile(Risk.ExtremeHeat, cell, warm[cell], warmBefore[cell]);
            if (Wanted(Risk.ExtremeCold))
                Quantile(Risk.ExtremeCold, cell, cold[cell], coldBefore[cell]);
            if (Wanted(Risk.RiverFlood))
                Quantile(Risk.RiverFlood, cell, wettest[cell], wettestBefore[cell]);
            if (Wanted(Risk.Drought))
                Estimate(Risk.Drought, cell, BinSchemes.Drought, Widen(spei[cell]));
            if (Wanted(Risk.UrbanFlood))
                Estimate(Risk.UrbanFlood, cell, BinSchemes.UrbanFlood, Widen(rain80[cell]));
            if (Wanted(Risk.Wildfire))
                Wildfire(cell);
            if (Wanted(Risk.WaterStress))
                WaterStress(cell);
            if (Wanted(Risk.SeaLevelRise))
                SeaLevelRise(cell);
            if (Wanted(Risk.Typhoon))
                Typhoon(cell);
        }

        private bool Wanted(Risk risk) => (tile.riskMask >> (int)risk & 1) == 1;

        private ReadOnlySpan<double> Widen(ReadOnlySpan<float> values)
        {
            for (int year = 0; year < values.Length; year++)
                series[year] = values[year];
            return series.AsSpan(0, values.Length);
        }

        private void Quantile(Risk risk, int cell, ReadOnlySpan<float> values, ReadOnlySpan<float> before)
        {
            ReadOnlySpan<double> baseline = Known(before);
            if (baseline.Length < 10)
                baseline = Known(values[..Math.Min(30, values.Length)]);
            BinScheme scheme = risk switch
            {
                Risk.ExtremeHeat => BinSchemes.ExtremeHeat(baseline),
                Risk.ExtremeCold => BinSchemes.ExtremeCold(baseline),
                _ => BinSchemes.RiverFlood(baseline),
            };
            if (baseline.IsEmpty)
                Forget(risk, cell);
            else
                Estimate(risk, cell, scheme, Widen(values));
        }

        private void Wildfire(int cell)
        {
            bool fallback = Intensity.FireWeather(temperature[cell], humidity[cell], wind[cell], rain[cell], series);
            if (fallback)
                tile.Fallbacks[cell] |= (short)Risk.Wildfire.Bit();
            Estimate(Risk.Wildfire, cell, BinSchemes.Wildfire, series);
        }

        private void WaterStress(int cell)
        {
            double withdrawal = tile.place[GridVariable.Withdrawal][cell],
                renewable = tile.place[GridVariable.RenewableWater][cell];
            bool knownBasin = !double.IsNaN(withdrawal) && renewable > 0;
            if (!knownBasin)
                tile.Fallbacks[cell] |= (short)Risk.WaterStress.Bit();
            ReadOnlySpan<float> rains = rain[cell];
            ReadOnlySpan<double> baseline = Known(rains[..Math.Min(30, rains.Length)]);
            double baselineRain = 0;
            foreach (double value in baseline)
                baselineRain += value / baseline.Length;
            for (int year = 0; year < series.Length; year++)
            {
                series[year] = knownBasin
                    ? Intensity.WaterStress(withdrawal, renewable, rains[year], baselineRain)
                    : Intensity.DefaultWaterStress;
            }

            Estimate(Risk.WaterStress, cell, BinSchemes.WaterStress, series);
        }

        private void SeaLevelRise(int cell)
        {
            double ground = tile.place[GridVariable.Elevation][cell];
            if (double.IsNaN(ground))
                tile.Fallbacks[cell] |= (short)Risk.SeaLevelRise.Bit();
            ReadOnlySpan<float> rises = sea[cell];
            for (int year = 0; year < series.Length; year++)
                series[year] = float.IsNaN(rises[year]) ? double.NaN : Intensity.Inundation(rises[year], ground);

            Estimate(Risk.SeaLevelRise, cell, BinSchemes.SeaLevelRise, series);
        }

        private void Typhoon(int cell)
        {
            ReadOnlySpan<float> index = stormIndex[cell];
            if (stormsBefore is null || !index.SequenceEqual(stormsBefore)) // neighbours mostly share their storms
            {
                stormsBefore = BinProbability.TryEstimate(Known(index), BinSchemes.Typhoon, storm) ? index.ToArray() : null;
            }

            storm.CopyTo(probabilities, 0);
            if (stormsBefore is null)
                Forget(Risk.Typhoon, cell);
            else
                StoreAll(Risk.Typhoon, cell, BinSchemes.Typhoon);
        }

        private ReadOnlySpan<double> Known(ReadOnlySpan<float> values)
        {
            int count = 0;
            foreach (float value in values)
            {
                if (!float.IsNaN(value))
                    known[count++] = value;
            }

            return known.AsSpan(0, count);
        }

        private void Estimate(Risk risk, int cell, BinScheme scheme, ReadOnlySpan<double> values)
        {
            int first = tile.projected.Length == 0 ? 0 : tile.firstTarget - tile.projected[0];
            bool whole =
                values.Length is > 0 and <= RollingBins.Longest
                && tile.projected[^1] - tile.projected[0] == values.Length - 1
                && !values.ContainsAnyExceptInRange(double.MinValue, double.MaxValue);
            if (whole && !scheme.ZeroBin && first >= 0 && first + tile.targets <= values.Length)
            {
                bool one = rollingBins.Estimate(values, scheme, tile.rolling, bins) == 1;
                Store(risk, cell, scheme, one ? 0 : first, one ? 1 : tile.targets);
                return;
            }

            // Gaps, zero-inflated values, a series shorter than the targets: the plain method, by calendar year.
            if (whole && scheme.ZeroBin && !values.ContainsAnyExcept(0))
                AllZero(risk, cell, scheme);
            else
                ByCalendar(risk, cell, scheme, values);
        }

        private void AllZero(Risk risk, int cell, BinScheme scheme)
        {
            probabilities.AsSpan().Clear();
            probabilities[0] = 1;
            StoreAll(risk, cell, scheme);
        }

        private void ByCalendar(Risk risk, int cell, BinScheme scheme, ReadOnlySpan<double> values)
        {
            for (int target = 0; target < tile.targets; target++)
            {
                int year = tile.firstTarget + target,
                    count = 0;
                for (int i = 0; i < values.Length; i++)
                {
                    bool inside = !tile.rolling || (tile.projected[i] >= year - 15 && tile.projected[i] < year + 15);
                    if (inside && !double.IsNaN(values[i]))
                        known[count++] = values[i];
                }

                if (BinProbability.TryEstimate(known.AsSpan(0, count), scheme, probabilities))
                {
                    bins.Set(target, probabilities.AsSpan(0, scheme.Count));
                }
                else
                {
                    bins.Forget(target);
                    tile.Fallbacks[cell] |= (short)risk.Bit();
                }
            }

            Store(risk, cell, scheme, 0, tile.targets);
        }

        /// <summary>The same bins for every target year.</summary>
        private void StoreAll(Risk risk, int cell, BinScheme scheme)
        {
            bins.Set(0, probabilities.AsSpan(0, scheme.Count));
            Store(risk, cell, scheme, 0, 1);
        }

        private void Forget(Risk risk, int cell)
        {
            tile.Fallbacks[cell] |= (short)risk.Bit();
            tile.constants[cell] |= (short)risk.Bit();
            PackedYears.Forget(tile.Room(cell, risk)[..PackedYears.Size]);
        }

        /// <param name="targets">One applies to all.</param>
        private void Store(Risk risk, int cell, BinScheme scheme, int first, int targets)
        {
            if (targets == 1)
                tile.constants[cell] |= (short)risk.Bit();
            bins.Pack(scheme, first, targets, tile.Room(cell, risk), targets == 1 ? tile.targets : 1, tile.Summary);
        }
    }
}
