using Durable.Pipelines.Spot.Packing;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Pipelines.Spot;

public sealed class QueryPackerTests
{
    [Fact]
    public void As_few_questions_as_an_exhaustive_search_finds()
    {
        Random random = new(7);
        for (int n = 0; n < 150; n++)
        {
            Offering[] offerings =
            [
                .. Enumerable.Range(0, random.Next(1, 9)).Select(region => new Offering("t", $"r{region}", random.Next(1, 11))),
            ];
            PackedQueries packed = new QueryPacker().Pack(offerings);
            Assert.Equal(packed.Bound, packed.Queries.Count);
            Assert.Equal(Exhaustive([.. offerings.Select(offering => offering.Zones)]), packed.Queries.Count);
            HoldsAll(offerings, packed);
        }
    }

    [Fact]
    public void First_fit_is_beaten_where_it_is_not_enough()
    {
        // Twice 4+3+3. First fit puts 4+4 together, then 3+3+3, and has one 3 left.
        PackedQueries packed = new QueryPacker().Pack(new[] { 4, 4, 3, 3, 3, 3 }.Select((zones, at) => new Offering("t", $"r{at}", zones)));
        Assert.Equal((2, 2), (packed.Queries.Count, packed.Bound));
    }

    [Fact]
    public void A_region_with_more_zones_than_one_answer_holds_is_asked_more_than_once()
    {
        PackedQueries packed = new QueryPacker().Pack([new("t", "huge", 25), new("t", "small", 5)]);
        Assert.Equal(
            ["huge:10", "huge:10", "huge,small:10"],
            packed.Queries.Select(query => $"{string.Join(',', query.Regions)}:{query.Zones}")
        );
        Assert.Equal(packed.Bound, packed.Queries.Count);
    }

    [Fact]
    public void The_real_offerings_of_all_regions_are_packed_into_proven_minima()
    {
        IReadOnlyList<Offering> offerings = MotoOfferings.Read();
        Assert.True(offerings.Sum(offering => offering.Zones) > 50_000);
        PackedQueries packed = new QueryPacker().Pack(offerings);
        Assert.Equal(packed.Bound, packed.Queries.Count);
        HoldsAll(offerings, packed);
    }

    [Fact]
    public void A_region_without_zones_is_not_asked() => Assert.Empty(new QueryPacker().Pack([new("t", "r", 0)]).Queries);

    [Fact]
    public void The_order_of_the_offerings_does_not_matter()
    {
        Random random = new(3);
        Offering[] offerings =
        [
            .. Enumerable
                .Range(0, 40)
                .SelectMany(type => Enumerable.Range(0, 20).Select(region => new Offering($"t{type}", $"r{region}", random.Next(1, 7)))),
        ];
        string Text(IEnumerable<Offering> given) =>
            string.Join(
                '\n',
                new QueryPacker().Pack(given).Queries.Select(query => $"{query.InstanceType} {string.Join(',', query.Regions)}")
            );
        string expected = Text(offerings);
        random.Shuffle(offerings);
        Assert.Equal(expected, Text(offerings));
    }

    [Fact]
    public void When_the_work_limit_ends_it_the_bound_is_told_beside_what_was_found()
    {
        Random random = new(1);
        Offering[] offerings =
        [
            .. Enumerable
                .Range(0, 40)
                .SelectMany(type => Enumerable.Range(0, 28).Select(region => new Offering($"t{type}", $"r{region}", random.Next(2, 8)))),
        ];
        PackedQueries cut = new QueryPacker(workLimit: 0).Pack(offerings),
            whole = new QueryPacker().Pack(offerings);
        Assert.Equal(whole.Bound, whole.Queries.Count);
        Assert.True(
            cut.Bound <= whole.Queries.Count && cut.Queries.Count >= whole.Queries.Count,
            $"{cut.Bound} ≤ {whole.Queries.Count} ≤ {cut.Queries.Count}"
        );
        HoldsAll(offerings, cut);
    }

    private static void HoldsAll(IEnumerable<Offering> offerings, PackedQueries packed)
    {
        Assert.All(packed.Queries, query => Assert.InRange(query.Zones, 1, QueryPacker.ZonesPerQuery));
        Assert.Equal(
            offerings.Select(offering => (offering.InstanceType, offering.Region)).ToHashSet(),
            packed.Queries.SelectMany(query => query.Regions.Select(region => (query.InstanceType, region))).ToHashSet()
        );
        Assert.Equal(offerings.Sum(offering => offering.Zones), packed.Queries.Sum(query => query.Zones));
    }

    /// <summary>Tries every assignment of parts to bins.</summary>
    private static int Exhaustive(int[] sizes)
    {
        int best = sizes.Length;
        Place(0, []);
        return best;

        void Place(int at, List<int> bins)
        {
            if (bins.Count >= best && at < sizes.Length)
                return;
            if (at == sizes.Length)
            {
                best = Math.Min(best, bins.Count);
                return;
            }

            for (int bin = 0; bin < bins.Count; bin++)
            {
                if (bins[bin] + sizes[at] > 10)
                    continue;
                bins[bin] += sizes[at];
                Place(at + 1, bins);
                bins[bin] -= sizes[at];
            }

            bins.Add(sizes[at]);
            Place(at + 1, bins);
            bins.RemoveAt(bins.Count - 1);
        }
    }
}
