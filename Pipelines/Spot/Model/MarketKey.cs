namespace Durable.Pipelines.Spot.Model;

/// <summary>One row of the market. <paramref name="Zone"/> is a zone id (<c>use1-az2</c>): unlike a zone name it means the same place in
/// every account.</summary>
public readonly record struct MarketKey(string InstanceType, string Region, string Zone)
{
    // A zone id belongs to one region only.
    public override int GetHashCode() => HashCode.Combine(InstanceType, Zone);

    public override string ToString() => $"{InstanceType}:{Region}:{Zone}";
}

/// <summary>An instance type in a region, the key of interruption frequency and on-demand price.</summary>
public readonly record struct TypeInRegion(string InstanceType, string Region);

/// <summary>An instance type in a zone, the key of the spot price.</summary>
public readonly record struct TypeInZone(string InstanceType, string Zone);
