using Durable.Pipelines.Spot.Model;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>The merge rules again, written row by row from their description, not from the code: slow, but easy to check by eye.</summary>
internal static class NaiveMarket
{
    private static readonly int[] Cycle = [1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50];

    public static Dictionary<MarketKey, Quote> Next(IReadOnlyDictionary<MarketKey, Quote> previous, Observation seen)
    {
        Dictionary<MarketKey, Quote> next = [];
        IEnumerable<MarketKey> keys = seen
            .Scores.Rows.Select(score => score.Key)
            .Concat(previous.Keys.Where(key => IsUnknown(seen.Scores.Unknown, key)))
            .Distinct();
        foreach (MarketKey key in keys)
        {
            Quote? before = previous.TryGetValue(key, out Quote known) ? known : null;
            int[] scores = [.. seen.Scores.Rows.Where(score => score.Key == key).Select(score => score.Score)];
            (int score, int t3, int t2) =
                scores.Length == 0 ? (before!.Value.Score, before.Value.T3, before.Value.T2) : Scored(scores.Min(), before, seen.Capacity);
            next[key] = new Quote(
                score,
                t3,
                t2,
                Value(
                    seen.Interruptions.Rows.Where(row => row.InstanceType == key.InstanceType && row.Region == key.Region)
                        .Select(row => row.Interruption),
                    seen.Interruptions.Unknown,
                    key,
                    before?.Interruption
                ),
                Value(
                    seen.SpotPrices.Rows.Where(row => row.InstanceType == key.InstanceType && row.Zone == key.Zone)
                        .Select(row => row.Price),
                    seen.SpotPrices.Unknown,
                    key,
                    before?.SpotPrice
                ),
                Value(
                    seen.OnDemandPrices.Rows.Where(row => row.InstanceType == key.InstanceType && row.Region == key.Region)
                        .Select(row => row.Price),
                    seen.OnDemandPrices.Unknown,
                    key,
                    before?.OnDemandPrice
                )
            );
        }

        return next;
    }

    private static (int Score, int T3, int T2) Scored(int score, Quote? before, int capacity)
    {
        int below = Cycle.Where(lower => lower < capacity).DefaultIfEmpty(0).Max();
        int t3Before = before?.T3 ?? 0,
            t2Before = before?.T2 ?? 0,
            scoreBefore = before?.Score ?? score;
        int t3Now = score >= 3 ? capacity : 0,
            t2Now = score == 2 ? capacity : 0;
        int t3 = score >= 3 ? Math.Max(t3Now, t3Before) : Math.Min(below, t3Before);
        int t2 = score >= 2 ? Math.Max(t2Now, t2Before) : Math.Min(below, t2Before);
        int higher = score > scoreBefore ? score : scoreBefore;
        if (capacity == 1)
        {
            if (score <= 2)
                t3 = 0;
            if (score < 2)
                t2 = 0;
            return (score, t3, t2);
        }

        if (higher <= 2)
            t3 = 0;
        if (higher < 2)
            t2 = 0;
        return (higher, t3, t2);
    }

    private static double Value(IEnumerable<double> found, IReadOnlyList<Unknown> unknown, MarketKey key, double? before) =>
        found.Cast<double?>().FirstOrDefault() ?? (before is { } kept && IsUnknown(unknown, key) ? kept : -1);

    private static bool IsUnknown(IReadOnlyList<Unknown> unknown, MarketKey key) =>
        unknown.Any(place =>
            (place.Region is null || place.Region == key.Region) && (place.InstanceType is null || place.InstanceType == key.InstanceType)
        );
}

/// <summary>Markets for tests: three types, two regions with two zones each.</summary>
internal static class SampleMarket
{
    public static readonly CapacityLadder Ladder = new([1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);

    public static readonly MarketKey[] Keys =
    [
        .. from type in new[] { "a1.large", "m5.xlarge", "p4d.24xlarge" }
        from region in new[] { "eu-north-1", "us-east-1" }
        from zone in new[] { 1, 2 }
        select new MarketKey(type, region, $"{region}-az{zone}"),
    ];

    public static readonly MarketKey Key = Keys[0];

    public static readonly IReadOnlyDictionary<MarketKey, Quote> Nothing = new Dictionary<MarketKey, Quote>();

    /// <summary>Scores of one key at a capacity, everything else known and the same.</summary>
    public static Observation Seen(int capacity, params (MarketKey Key, int Score)[] scores) =>
        new(
            capacity,
            new([.. scores.Select(score => new ZoneScore(score.Key.InstanceType, score.Key.Region, score.Key.Zone, score.Score))], []),
            new([.. Keys.Select(key => new InterruptionRate(key.InstanceType, key.Region, 2.5)).Distinct()], []),
            new([.. Keys.Select(key => new SpotQuote(key.InstanceType, key.Zone, 0.25))], []),
            new([.. Keys.Select(key => new OnDemandQuote(key.InstanceType, key.Region, 1)).Distinct()], [])
        );

    /// <summary>Anything a slot may see: rows that come and go, doubles, values and whole regions that are missing or unknown.</summary>
    public static Observation Any(Random random, int capacity)
    {
        List<ZoneScore> scores = [];
        foreach (MarketKey key in Keys)
        {
            for (int n = random.Next(8); n is 1 or 2 or 3 or 4 or 5 or 6; n = random.Next(8) == 0 ? 1 : 0)
                scores.Add(new ZoneScore(key.InstanceType, key.Region, key.Zone, random.Next(1, 5)));
        }

        return new Observation(
            capacity,
            new(scores, Unknowns(random)),
            new(
                [
                    .. Keys.Where(_ => random.Next(6) > 0)
                        .Select(key => new TypeInRegion(key.InstanceType, key.Region))
                        .Distinct()
                        .Select(place => new InterruptionRate(place.InstanceType, place.Region, random.Next(2, 7) / 2.0)),
                ],
                Unknowns(random)
            ),
            new(
                [
                    .. Keys.Where(_ => random.Next(6) > 0)
                        .Select(key => new SpotQuote(key.InstanceType, key.Zone, random.Next(1, 4) / 100.0)),
                ],
                Unknowns(random)
            ),
            new(
                [
                    .. Keys.Where(_ => random.Next(6) > 0)
                        .Select(key => new TypeInRegion(key.InstanceType, key.Region))
                        .Distinct()
                        .Select(place => new OnDemandQuote(place.InstanceType, place.Region, random.Next(1, 3))),
                ],
                Unknowns(random)
            )
        );
    }

    private static IReadOnlyList<Unknown> Unknowns(Random random) =>
        random.Next(12) switch
        {
            0 => [new Unknown(null, null, "down")],
            1 or 2 => [new Unknown("us-east-1", null, "down")],
            3 or 4 => [new Unknown("eu-north-1", "m5.xlarge", "down"), new Unknown("us-east-1", "a1.large", "down")],
            _ => [],
        };
}
