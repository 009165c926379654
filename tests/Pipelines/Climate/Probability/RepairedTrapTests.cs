using System.Text;
using Durable.Pipelines.Climate.Grid;
using Durable.Pipelines.Climate.Import;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Packing;
using Durable.Pipelines.Climate.Probability;
using FsCheck;
using FsCheck.Fluent;

namespace Durable.Tests.Pipelines.Climate.Probability;

/// <summary>A property for each trap a to f of the published P(H), checked against this file's own arithmetic.</summary>
public sealed class RepairedTrapTests
{
    private static readonly Config Runs = Config.QuickThrowOnFailure.WithMaxTest(100);

    private static readonly Gen<double[]> Amounts = ArbMap
        .Default.GeneratorFor<int>()
        .Select(value => Math.Max(0, value % 60) / 3.0)
        .ArrayOf(40);

    [Fact]
    public void Trap_a_years_without_an_event_keep_exactly_their_share()
    {
        Prop.ForAll(
                Amounts.ToArbitrary(),
                amounts =>
                {
                    foreach (BinScheme scheme in new[] { BinSchemes.SeaLevelRise, BinSchemes.Typhoon })
                    {
                        double[] p = new double[scheme.Count];
                        Assert.True(BinProbability.TryEstimate(amounts, scheme, p));
                        Assert.Equal(amounts.Count(amount => amount == 0) / (double)amounts.Length, p[0], 1e-12);
                        Assert.Equal(amounts.Count(amount => amount > 0) / (double)amounts.Length, p[1..].Sum(), 1e-12);
                    }
                }
            )
            .Check(Runs);
    }

    [Fact]
    public void Trap_b_shares_are_the_integrals_of_the_density_also_below_zero_and_to_infinity()
    {
        Gen<double[]> spei = ArbMap.Default.GeneratorFor<int>().Select(value => value % 40 / 10.0).ArrayOf(12);
        Prop.ForAll(
                spei.Where(sample => sample.Distinct().Count() > 2).ToArbitrary(),
                sample =>
                {
                    double[] p = new double[4];
                    BinProbability.TryEstimate(sample, BinSchemes.Drought, p);

                    double mean = sample.Average(),
                        sigma = Math.Sqrt(sample.Sum(x => (x - mean) * (x - mean)) / (sample.Length - 1)),
                        h = sigma * Math.Pow(sample.Length, -0.2);
                    double Density(double at) =>
                        sample.Average(x => Math.Exp(-(at - x) * (at - x) / (2 * h * h)) / (h * Math.Sqrt(2 * Math.PI)));
                    double low = Math.Min(-3, sample.Min() - 9 * h),
                        high = Math.Max(0, sample.Max() + 9 * h);
                    double[] shares =
                    [
                        Integral(Density, -1, high),
                        Integral(Density, -1.5, -1),
                        Integral(Density, -2, -1.5),
                        Integral(Density, low, -2),
                    ];
                    Assert.All(shares.Index(), bin => Assert.Equal(bin.Item, p[bin.Index], 1e-6));
                }
            )
            .Check(Runs);
    }

    [Fact]
    public async Task Trap_c_drought_takes_the_lowest_of_the_twelve_months_of_its_own_year()
    {
        const int Cells = 300,
            Year = 2050;
        await using ClimateDatabase database = await ClimateDatabase.CreateAsync();
        Random random = new(3);
        // Cells by month, December before to January after; a third of the months is missing, in some cells all of them, and the neighbours
        // of the year are driest.
        double?[][] months =
        [
            .. Enumerable
                .Range(0, Cells)
                .Select(cell =>
                    Enumerable
                        .Range(0, 14)
                        .Select(month =>
                            month is 0 or 13 ? -9
                            : cell % 50 == 0 || random.Next(3) == 0 ? (double?)null
                            : Math.Round(random.NextDouble() * 6 - 3, 3)
                        )
                        .ToArray()
                ),
        ];
        await ImportAsync(
            database,
            "location_grid",
            "grid_id,longitude,latitude\n"
                + string.Concat(
                    Enumerable.Range(0, Cells).Select(cell => FormattableString.Invariant($"{cell + 1},{124.5 + cell * 0.01:F2},33.00\n"))
                )
        );
        await ImportAsync(
            database,
            "spei12_data",
            "observation_date,grid_id,ssp1,ssp2,ssp3,ssp5\n"
                + string.Concat(
                    from cell in Enumerable.Range(0, Cells)
                    from month in Enumerable.Range(0, 14)
                    select FormattableString.Invariant(
                        $"{new DateOnly(Year - 1, 12, 1).AddMonths(month):yyyy-MM-dd},{cell + 1},,{months[cell][month]},,\n"
                    )
                )
        );
        await database.Packer.PackAsync();

        await new YearPacker(database.Source, database.Grid).PackAsync(Year);

        GridColumns packed = (
            await database.Grid.ReadYearsAsync(Scenario.Ssp245, [Year], GridVariables.Annual, await database.Grid.ReadTilesAsync())
        )[Year];
        for (int cell = 0; cell < Cells; cell++)
        {
            double[] known = [.. months[cell][1..13].OfType<double>()];
            Assert.Equal(known.Length == 0 ? float.NaN : (float)known.Min(), packed[GridVariable.Spei12Lowest][cell]);
            Assert.Equal((float)(months[cell][6] ?? double.NaN), packed[GridVariable.Spei12June][cell]);
        }
    }

    [Fact]
    public void Trap_d_a_year_of_the_series_moves_the_targets_around_it_and_no_other()
    {
        var cases = from series in Series() from changed in Gen.Choose(0, 79) select (series, changed);
        Prop.ForAll(
                cases.ToArbitrary(),
                each =>
                {
                    double[] other = [.. each.series];
                    other[each.changed] += 500;
                    byte[][] before = Heat(each.series, SampleWindow.Rolling30),
                        after = Heat(other, SampleWindow.Rolling30);
                    // In the base period (the first 30 years) it would move the bins themselves; that is trap e.
                    if (each.changed >= 30)
                    {
                        for (int target = 0; target < 80; target++)
                        {
                            bool inside = each.changed >= target - 15 && each.changed < target + 15;
                            if (inside)
                                continue;
                            Assert.Equal(PackedYears.Loss(before[target]), PackedYears.Loss(after[target]), 2.0); // millionths
                            Assert.All(
                                Unpacked.Bins(before[target], 5).Zip(Unpacked.Bins(after[target], 5)),
                                bin => Assert.Equal(bin.First, bin.Second, 1.01e-4)
                            );
                        }

                        Assert.True(
                            Math.Abs(PackedYears.Loss(before[each.changed]) - PackedYears.Loss(after[each.changed])) > 200,
                            $"{2021 + each.changed} did not move itself"
                        );
                    }

                    byte[][] full = Heat(each.series, SampleWindow.FullSeries);
                    Assert.All(full, year => Assert.Equal(full[0], year));
                }
            )
            .Check(Runs);
    }

    [Fact]
    public void Trap_e_bins_come_from_the_past_when_there_is_one_else_from_the_first_thirty_years()
    {
        var cases =
            from series in Series()
            from past in Series()
            from years in Gen.Choose(0, 40)
            select (series, past: past.Take(years).ToArray());
        Prop.ForAll(
                cases.ToArbitrary(),
                each =>
                {
                    double[] baseline = each.past.Length >= 10 ? each.past : each.series[..30];
                    double[] edges =
                    [
                        0,
                        .. new[] { 0.80, 0.90, 0.95, 0.99 }.Select(share => Quantile(baseline, share)),
                        double.PositiveInfinity,
                    ];
                    double[] expected = new double[5];
                    BinProbability.TryEstimate(each.series[20..50], new BinScheme(edges, [0.001, 0.003, 0.010, 0.020, 0.035]), expected);

                    byte[] target = Heat(each.series, SampleWindow.Rolling30, each.past)[35]; // 2056: 2041 to 2070

                    Assert.All(Unpacked.Bins(target, 5).Zip(expected), bin => Assert.Equal(bin.Second, bin.First, 1.2e-4));
                    Assert.Equal(
                        expected.Zip([0.001, 0.003, 0.010, 0.020, 0.035]).Sum(bin => bin.First * bin.Second),
                        PackedYears.Loss(target) / 1e6,
                        1e-6
                    );
                }
            )
            .Check(Runs);
    }

    [Fact]
    public void Trap_f_a_target_without_a_known_year_is_unknown_and_marked_and_never_without_loss()
    {
        var cases =
            from series in Series()
            from first in Gen.Choose(0, 79)
            from length in Gen.Choose(1, 80)
            select (series, first, last: Math.Min(79, first + length - 1));
        Prop.ForAll(
                cases.ToArbitrary(),
                each =>
                {
                    double[] holed = [.. each.series.Select((value, year) => year >= each.first && year <= each.last ? double.NaN : value)];
                    ProbabilityTile tile = Tile(
                        GridVariable.Spei12Lowest,
                        [.. holed.Select(value => value / -20)],
                        [],
                        SampleWindow.Rolling30,
                        Risk.Drought
                    );
                    bool anyUnknown = false;
                    for (int target = 0; target < 80; target++)
                    {
                        bool known = Enumerable
                            .Range(0, 80)
                            .Any(year => year >= target - 15 && year < target + 15 && !double.IsNaN(holed[year]));
                        Assert.Equal(known, PackedYears.Loss(Year(tile, Risk.Drought, target)) != PackedYears.Unknown);
                        anyUnknown |= !known;
                    }

                    Assert.Equal(anyUnknown, (tile.Fallbacks[0] & Risk.Drought.Bit()) != 0);
                }
            )
            .Check(Runs);
    }

    private static Gen<double[]> Series() =>
        ArbMap
            .Default.GeneratorFor<int>()
            .Select(value => (double)Math.Abs(value % 30))
            .ArrayOf(80)
            .Where(series => series.Take(30).Distinct().Count() > 5);

    private static byte[][] Heat(double[] series, string window, double[]? past = null)
    {
        ProbabilityTile tile = Tile(GridVariable.WarmSpellDays, series, past ?? [], window, Risk.ExtremeHeat);
        return [.. Enumerable.Range(0, 80).Select(target => Year(tile, Risk.ExtremeHeat, target))];
    }

    private static byte[] Year(ProbabilityTile tile, Risk risk, int target)
    {
        ReadOnlySpan<byte> years = tile.Years(0, risk).Span;
        return years.Slice(years.Length == PackedYears.Size ? 0 : target * PackedYears.Size, PackedYears.Size).ToArray();
    }

    /// <summary>One cell with one variable: 2021 to 2100, and the years up to 2020 as far as there are any.</summary>
    private static ProbabilityTile Tile(GridVariable variable, double[] series, double[] past, string window, Risk risk)
    {
        SortedDictionary<int, GridColumns> years = [];
        foreach ((int index, double value) in past.Concat(series).Index())
        {
            GridColumns columns = new(1);
            columns[variable][0] = (float)value;
            years.Add(2021 - past.Length + index, columns);
        }

        ProbabilityTile tile = new(years, new GridColumns(1), [], 2021, 2100, window, risk.Bit());
        tile.Compute([0]);
        return tile;
    }

    /// <summary>numpy's default: linear between the order statistics around (n − 1)·share.</summary>
    private static double Quantile(double[] values, double share)
    {
        double[] sorted = [.. values.Order()];
        double position = (sorted.Length - 1) * share;
        double below = sorted[(int)Math.Floor(position)],
            above = sorted[(int)Math.Ceiling(position)];
        return below + (above - below) * (position - Math.Floor(position));
    }

    /// <summary>Simpson's rule in 4,000 steps.</summary>
    private static double Integral(Func<double, double> density, double from, double to)
    {
        const int Steps = 4000;
        double width = (to - from) / Steps;
        return Enumerable
                .Range(0, Steps + 1)
                .Sum(step =>
                    density(from + step * width)
                    * (
                        step is 0 or Steps ? 1
                        : step % 2 == 1 ? 4
                        : 2
                    )
                )
            * width
            / 3;
    }

    private static async Task ImportAsync(ClimateDatabase database, string table, string csv)
    {
        ImportReceipt receipt = await new CsvImporter(database.Source, new ImportLimits()).ImportAsync(
            table,
            new MemoryStream(Encoding.UTF8.GetBytes(csv)),
            "test"
        );
        Assert.Equal(0, receipt.Rejected);
        Assert.Equal(csv.Count(character => character == '\n') - 1, receipt.Accepted);
    }
}
