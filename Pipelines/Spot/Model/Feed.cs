namespace Durable.Pipelines.Spot.Model;

/// <summary>What a source could not be asked in one slot. Its rows keep their values and do not count as vanished.</summary>
/// <param name="Region">Null: everywhere.</param>
/// <param name="InstanceType">Null: every type of the region.</param>
public sealed record Unknown(string? Region, string? InstanceType, string Reason);

/// <summary>Looks up what is unknown.</summary>
public sealed class UnknownPlaces
{
    private readonly HashSet<string> regions = new(StringComparer.Ordinal);
    private readonly HashSet<TypeInRegion> types = [];
    private readonly bool everything;

    public UnknownPlaces(IEnumerable<Unknown> unknown)
    {
        foreach (Unknown place in unknown)
        {
            if (place.Region is null)
                everything = true;
            else if (place.InstanceType is null)
                regions.Add(place.Region);
            else
                types.Add(new TypeInRegion(place.InstanceType, place.Region));
        }
    }

    public bool IsEmpty => !everything && regions.Count == 0 && types.Count == 0;

    public bool Covers(string instanceType, string region) =>
        everything
        || (regions.Count > 0 && regions.Contains(region))
        || (types.Count > 0 && types.Contains(new TypeInRegion(instanceType, region)));
}

/// <summary>One source's answer in one slot.</summary>
public sealed record Feed<TRow>(IReadOnlyList<TRow> Rows, IReadOnlyList<Unknown> Unknown);

/// <summary>A placement score of a zone.</summary>
public readonly record struct ZoneScore(string InstanceType, string Region, string Zone, int Score)
{
    public MarketKey Key => new(InstanceType, Region, Zone);
}

/// <summary>Interruption score of a type in a region: 3 (rare) down to 1 in steps of 0.5.</summary>
public readonly record struct InterruptionRate(string InstanceType, string Region, double Interruption);

/// <summary>The spot price of a type in a zone.</summary>
public readonly record struct SpotQuote(string InstanceType, string Zone, double Price);

/// <summary>The on-demand price of a type in a region.</summary>
public readonly record struct OnDemandQuote(string InstanceType, string Region, double Price);

/// <summary>All observations of one slot.</summary>
/// <param name="Capacity">Target capacity of its scores.</param>
public sealed record Observation(
    int Capacity,
    Feed<ZoneScore> Scores,
    Feed<InterruptionRate> Interruptions,
    Feed<SpotQuote> SpotPrices,
    Feed<OnDemandQuote> OnDemandPrices
);
