namespace Durable.Pipelines.Spot.Packing;

/// <summary>A region that offers a type in <paramref name="Zones"/> zones.</summary>
public readonly record struct Offering(string InstanceType, string Region, int Zones);

/// <summary>One question for placement scores: one type, in regions with at most ten zones together, because the API returns the ten
/// best.</summary>
public sealed record PlacementQuery(string InstanceType, IReadOnlyList<string> Regions, int Zones);

/// <summary>All questions of a day.</summary>
/// <param name="Queries">By type, then by region.</param>
/// <param name="Bound">Proven lower bound.</param>
public sealed record PackedQueries(IReadOnlyList<PlacementQuery> Queries, int Bound);
