using System.Runtime.InteropServices;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Merging;

/// <summary>A slot merged with the market before it.</summary>
/// <param name="Rows">The market as of the slot.</param>
/// <param name="Changed">Rows that are new or changed in any published value.</param>
/// <param name="Removed">Rows that vanished.</param>
/// <param name="Carried">Rows kept because their placement score is unknown.</param>
/// <param name="Duplicates">Scores beyond the first of a key; the lowest counts.</param>
public sealed record MergedSlot(
    IReadOnlyDictionary<MarketKey, Quote> Rows,
    IReadOnlyList<KeyValuePair<MarketKey, Quote>> Changed,
    IReadOnlyList<MarketKey> Removed,
    int Carried,
    int Duplicates
);

/// <summary>Joins the sources of a slot, tracks T3 and T2 through the capacity cycle, and computes the changes. Rules:
/// docs/spot.md.</summary>
public static class MarketMerge
{
    /// <summary>Merges one slot. Pure: the same two inputs give the same rows, in the same order.</summary>
    /// <param name="previous">The market as of the slot before.</param>
    public static MergedSlot Merge(IReadOnlyDictionary<MarketKey, Quote> previous, Observation seen, CapacityLadder ladder)
    {
        Dictionary<MarketKey, Quote> rows = new(Math.Max(previous.Count, seen.Scores.Rows.Count));
        int duplicates = TakeScores(rows, seen.Scores.Rows);
        int carried = CarryUnknown(rows, previous, new UnknownPlaces(seen.Scores.Unknown));
        Others others = new(seen);
        int below = ladder.Below(seen.Capacity);
        List<KeyValuePair<MarketKey, Quote>> changed = [];
        int met = 0;
        foreach (MarketKey key in rows.Keys)
        {
            ref Quote row = ref CollectionsMarshal.GetValueRefOrNullRef(rows, key);
            bool known = previous.TryGetValue(key, out Quote before);
            if (known)
                met++;
            if (row.T3 != Carried)
                row = Climb(row.Score, known ? before : null, seen.Capacity, below);
            else
                row = before;
            row = others.Fill(key, row, known ? before : null);
            if (!known || row != before)
                changed.Add(new KeyValuePair<MarketKey, Quote>(key, row));
        }

        List<MarketKey> removed = [];
        if (met < previous.Count)
            removed.AddRange(previous.Keys.Where(key => !rows.ContainsKey(key)));
        return new MergedSlot(rows, changed, removed, carried, duplicates);
    }

    // Marks an unfinished row of TakeScores and CarryUnknown; no published T3 is negative.
    private const int Carried = -2;

    private static int TakeScores(Dictionary<MarketKey, Quote> rows, IReadOnlyList<ZoneScore> scores)
    {
        int duplicates = 0;
        foreach (ZoneScore score in scores)
        {
            ref Quote row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, score.Key, out bool met);
            if (met)
                duplicates++;
            row = new Quote(met ? Math.Min(row.Score, score.Score) : score.Score, 0, 0, Quote.Missing, Quote.Missing, Quote.Missing);
        }

        return duplicates;
    }

    private static int CarryUnknown(
        Dictionary<MarketKey, Quote> rows,
        IReadOnlyDictionary<MarketKey, Quote> previous,
        UnknownPlaces unknown
    )
    {
        if (unknown.IsEmpty)
            return 0;
        int carried = 0;
        foreach ((MarketKey key, Quote before) in previous)
        {
            if (unknown.Covers(key.InstanceType, key.Region) && rows.TryAdd(key, before with { T3 = Carried }))
                carried++;
        }

        return carried;
    }

    /// <summary>Score, T3 and T2 of a row that scored <paramref name="score"/> at a capacity. Source: the original,
    /// <c>ddps-lab/spotlake</c>, <c>collector/spot-dataset/aws/batch</c>.</summary>
    private static Quote Climb(int score, Quote? before, int capacity, int below)
    {
        int t3Before = before?.T3 ?? 0,
            t2Before = before?.T2 ?? 0;
        int best = Math.Max(score, before?.Score ?? score);
        int t3 = score >= 3 ? Math.Max(capacity, t3Before) : Math.Min(below, t3Before);
        int t2 =
            score == 2 ? Math.Max(capacity, t2Before)
            : score >= 3 ? t2Before
            : Math.Min(below, t2Before);

        // The published score is that of a single instance: only capacity 1 lowers it, a larger one may raise it.
        int published = capacity == 1 ? score : best;
        return new Quote(published, published <= 2 ? 0 : t3, published < 2 ? 0 : t2, Quote.Missing, Quote.Missing, Quote.Missing);
    }

    /// <summary>Interruption and prices by their own keys.</summary>
    private sealed class Others
    {
        private readonly Dictionary<TypeInRegion, double> interruptions;
        private readonly Dictionary<TypeInZone, double> spot;
        private readonly Dictionary<TypeInRegion, double> onDemand;
        private readonly UnknownPlaces noInterruption,
            noSpot,
            noOnDemand;

        public Others(Observation seen)
        {
            interruptions = new(seen.Interruptions.Rows.Count);
            foreach (InterruptionRate rate in seen.Interruptions.Rows)
                interruptions[new TypeInRegion(rate.InstanceType, rate.Region)] = rate.Interruption;
            spot = new(seen.SpotPrices.Rows.Count);
            foreach (SpotQuote quote in seen.SpotPrices.Rows)
                spot[new TypeInZone(quote.InstanceType, quote.Zone)] = quote.Price;
            onDemand = new(seen.OnDemandPrices.Rows.Count);
            foreach (OnDemandQuote quote in seen.OnDemandPrices.Rows)
                onDemand[new TypeInRegion(quote.InstanceType, quote.Region)] = quote.Price;
            (noInterruption, noSpot, noOnDemand) = (
                new(seen.Interruptions.Unknown),
                new(seen.SpotPrices.Unknown),
                new(seen.OnDemandPrices.Unknown)
            );
        }

        public Quote Fill(in MarketKey key, Quote row, Quote? before)
        {
            TypeInRegion place = new(key.InstanceType, key.Region);
            return row with
            {
                Interruption = interruptions.TryGetValue(place, out double interruption)
                    ? interruption
                    : Otherwise(noInterruption, key, before?.Interruption),
                SpotPrice = spot.TryGetValue(new TypeInZone(key.InstanceType, key.Zone), out double price)
                    ? price
                    : Otherwise(noSpot, key, before?.SpotPrice),
                OnDemandPrice = onDemand.TryGetValue(place, out double list) ? list : Otherwise(noOnDemand, key, before?.OnDemandPrice),
            };
        }

        // Values the source was not asked for stay; values it was asked for and lacks are missing.
        private static double Otherwise(UnknownPlaces unknown, in MarketKey key, double? before) =>
            before is { } known && unknown.Covers(key.InstanceType, key.Region) ? known : Quote.Missing;
    }
}
