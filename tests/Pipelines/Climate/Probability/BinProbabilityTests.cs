using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;
using FsCheck;
using FsCheck.Fluent;

namespace Durable.Tests.Pipelines.Climate.Probability;

public sealed class BinProbabilityTests
{
    private static readonly BinScheme Halves = new([double.NegativeInfinity, 1.5, double.PositiveInfinity], [0, 1]);

    [Fact]
    public void Kernel_shares_agree_with_hand_arithmetic()
    {
        // Sample 1, 2, 3: sigma 1, bandwidth 3^(-1/5) = 0.802742. Below 1.5: (Phi(0.62286) + Phi(-0.62286) + Phi(-1.86859)) / 3 = (0.73331
        // + 0.26669 + 0.03084) / 3 = 0.343614.
        double[] p = Estimate([1, 2, 3], Halves);

        Assert.Equal(0.343614, p[0], 1e-6);
        Assert.Equal(0.656386, p[1], 1e-6);
        Assert.Equal(0.656386, AnnualLoss(p, Halves), 1e-6);
    }

    [Fact]
    public void Drought_bins_take_negative_values_and_infinite_edges() // trap b: bounds of min·0.8 and max·1.2 turned them inside out
    {
        // Sample -2.5, -1, 0.5: sigma 1.5, bandwidth 1.5 · 0.802742 = 1.204112.
        // F(-2)   = (Phi( 0.41525) + Phi(-0.83049) + Phi(-2.07622)) / 3 = (0.66102 + 0.20313 + 0.01894) / 3 = 0.294363
        // F(-1.5) = (Phi( 0.83049) + Phi(-0.41525) + Phi(-1.66098)) / 3 = (0.79687 + 0.33898 + 0.04836) / 3 = 0.394738
        // F(-1)   = 0.5 by symmetry.
        double[] p = Estimate([-2.5, -1, 0.5], BinSchemes.Drought);

        Assert.Equal(0.5, p[0], 1e-12);
        Assert.Equal(0.5 - 0.394738, p[1], 2e-6);
        Assert.Equal(0.394738 - 0.294363, p[2], 2e-6);
        Assert.Equal(0.294363, p[3], 2e-6);
        Assert.Equal(0.105262 * 0.02 + 0.100375 * 0.07 + 0.294363 * 0.20, AnnualLoss(p, BinSchemes.Drought), 1e-6);
    }

    [Fact]
    public void Years_without_an_event_keep_their_share() // trap a: the integral over the point 0 lost it
    {
        double[] p = Estimate([0, 0, 0, 0, 0, 0, 4, 8], BinSchemes.Typhoon);

        // Six quiet years of eight; the two others are too few to smooth: 4 lies in (0, 5], 8 in (5, 15].
        Assert.Equal([0.75, 0.125, 0.125, 0], p);
    }

    [Theory]
    [InlineData(0, 0), InlineData(1, 1), InlineData(2.9, 1), InlineData(5, 3), InlineData(8, 4)]
    public void A_degenerate_sample_lies_in_the_bin_that_holds_it(double value, int bin)
    {
        double[] p = Estimate([.. Enumerable.Repeat(value, 30)], BinSchemes.UrbanFlood);

        Assert.Equal(1.0, p[bin], 1e-12);
        Assert.Equal(1.0, p.Sum(), 1e-12);
    }

    [Fact]
    public void A_place_without_any_warm_spell_is_ordinary_and_not_extreme()
    {
        double[] none = new double[30];

        Assert.Equal([1, 0, 0, 0, 0], Estimate(none, BinSchemes.ExtremeHeat(none)));
    }

    [Fact]
    public void Two_years_are_counted_and_not_smoothed()
    {
        Assert.Equal([0.5, 0, 0, 0.5, 0], Estimate([0, 6], BinSchemes.UrbanFlood));
    }

    [Fact]
    public void An_empty_sample_has_no_probability() // trap f: a failure was stored as a loss of 0
    {
        Assert.False(BinProbability.TryEstimate([], BinSchemes.Drought, new double[4]));
    }

    [Fact]
    public void Quantile_bins_interpolate_and_fall_back_to_published_edges_below_ten_years()
    {
        // 0..29: position 29 · 0.80 = 23.2, 29 · 0.90 = 26.1, 29 · 0.95 = 27.55, 29 · 0.99 = 28.71.
        Assert.Equal(
            [0, 23.2, 26.1, 27.55, 28.71, double.PositiveInfinity],
            BinSchemes.ExtremeHeat([.. Enumerable.Range(0, 30).Select(i => (double)i)]).Edges.Select(edge => Math.Round(edge, 9))
        );
        Assert.Equal([0, 3, 8, 15, 25, double.PositiveInfinity], BinSchemes.ExtremeHeat([1, 2, 3]).Edges);
        Assert.Equal([0, 5, 10, 15, 25, double.PositiveInfinity], BinSchemes.ExtremeCold([1, 2, 3]).Edges);
    }

    [Fact]
    public void Whatever_the_sample_probabilities_sum_to_one_and_the_loss_stays_within_the_damage_rates() // traps a, b, d, f
    {
        BinScheme[] schemes =
        [
            BinSchemes.Drought,
            BinSchemes.UrbanFlood,
            BinSchemes.SeaLevelRise,
            BinSchemes.Typhoon,
            BinSchemes.Wildfire,
            BinSchemes.WaterStress,
            BinSchemes.ExtremeHeat([1, 4, 2, 8, 5, 7, 1, 4, 2, 8]),
            BinSchemes.ExtremeCold([0, 0, 0]),
            BinSchemes.RiverFlood([90, 120, 75, 300, 110, 95, 130, 60, 88, 140]),
        ];
        Prop.ForAll(
                Samples(),
                sample =>
                {
                    foreach (BinScheme scheme in schemes)
                    {
                        double[] values = scheme == BinSchemes.Drought ? sample : [.. sample.Select(Math.Abs)];
                        double[] p = Estimate(values, scheme);
                        Assert.Equal(1, p.Sum(), 1e-6);
                        Assert.All(p, share => Assert.InRange(share, 0, 1 + 1e-12));
                        Assert.InRange(AnnualLoss(p, scheme), scheme.DamageRates.Min() - 1e-12, scheme.DamageRates.Max() + 1e-12);
                        double[] stored = Unpacked.Bins(Pack(p, scheme), p.Length);
                        Assert.Equal(1, stored.Sum(), 1e-12);
                        Assert.All(stored.Zip(p), pair => Assert.Equal(pair.Second, pair.First, 1.01 / PackedYears.Unit));
                    }
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    [Fact]
    public void The_fast_windows_agree_with_the_definition_to_one_in_a_hundred_thousand()
    {
        RollingBins fast = new();
        TargetBins rolling = new(),
            whole = new();
        BinScheme heat = BinSchemes.ExtremeHeat([1, 4, 2, 8, 5, 7, 1, 4, 2, 8]);
        Prop.ForAll(
                Series(),
                series =>
                {
                    foreach (
                        (BinScheme scheme, double sign) in new[]
                        {
                            (heat, 1.0),
                            (BinSchemes.Drought, -0.1),
                            (BinSchemes.UrbanFlood, 0.5),
                            (BinSchemes.Wildfire, 1.0),
                            (BinSchemes.WaterStress, 0.02),
                        }
                    )
                    {
                        double[] values = [.. series.Select(value => value * sign)];
                        Assert.Equal(values.Length, fast.Estimate(values, scheme, rolling: true, rolling));
                        Assert.Equal(1, fast.Estimate(values, scheme, rolling: false, whole));
                        for (int year = 0; year < values.Length; year++)
                        {
                            double[] expected = Estimate(values[Math.Max(0, year - 15)..Math.Min(values.Length, year + 15)], scheme);
                            Assert.All(expected.Index(), bin => Assert.Equal(bin.Item, rolling[bin.Index][year], 1e-5));
                        }

                        Assert.All(Estimate(values, scheme).Index(), bin => Assert.Equal(bin.Item, whole[bin.Index][0], 1e-5));
                    }
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(200));
    }

    [Theory]
    [
        InlineData(0, 0.5),
        InlineData(1, 0.841344746068543),
        InlineData(-1.959963984540054, 0.025),
        InlineData(3, 0.998650101968370),
        InlineData(-6, 9.86587645037698e-10)
    ]
    public void The_normal_distribution_has_its_tabulated_values(double z, double expected) =>
        Assert.Equal(expected, Normal.Distribution(z), 1e-14);

    private static double[] Estimate(double[] sample, BinScheme scheme)
    {
        double[] p = new double[scheme.Count];
        Assert.True(BinProbability.TryEstimate(sample, scheme, p));
        return p;
    }

    private static byte[] Pack(double[] probabilities, BinScheme scheme)
    {
        TargetBins bins = new();
        bins.Set(0, probabilities);
        byte[] packed = new byte[PackedYears.Size];
        bins.Pack(scheme, 0, 1, packed, 1, new LossSummary());
        return packed;
    }

    private static Arbitrary<double[]> Samples() =>
        ArbMap
            .Default.GeneratorFor<int>()
            .Select(value => value % 400 / 10.0)
            .NonEmptyListOf()
            .Select(list => list.ToArray())
            .ToArbitrary();

    /// <summary>Series of 3 to 110 years: even ones, ones that are quiet for long and then are not (bandwidths that differ manifold), ones
    /// far from 0.</summary>
    private static Arbitrary<double[]> Series() =>
        (
            from values in ArbMap.Default.GeneratorFor<int>().Select(value => (double)Math.Abs(value % 40)).ArrayOf(110)
            from length in Gen.Choose(3, 110)
            from quiet in Gen.Elements(1.0, 0.1, 0.001)
            from until in Gen.Choose(0, 110)
            from level in Gen.Elements(0.0, 300.0)
            select values.Take(length).Select((value, year) => level + (year < until ? value * quiet : value)).ToArray()
        ).ToArbitrary();

    private static double AnnualLoss(double[] probabilities, BinScheme scheme) =>
        probabilities.Zip(scheme.DamageRates, (probability, rate) => probability * rate).Sum();
}
