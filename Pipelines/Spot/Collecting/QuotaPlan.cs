using Durable.Operations.Plans;
using Durable.Pipelines.Spot.Packing;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>Assigns questions to accounts.</summary>
public static class QuotaPlan
{
    /// <summary>Names a question at a capacity, as an account's quota counts it.</summary>
    public static string ConfigurationOf(int capacity, PlacementQuery query) =>
        Fingerprints.Of(FormattableString.Invariant($"{capacity}"), query.InstanceType, string.Join(',', query.Regions));

    /// <summary>
    /// A question stays with the account that asked it in the last 24 hours: asking it again costs nothing. A new one goes to the next
    /// account with quota left, from <paramref name="start"/> on, once around; without any, it is not asked.
    /// </summary>
    /// <param name="asked">Account of each configuration of the last 24 hours, of any capacity.</param>
    public static IReadOnlyList<AssignedQuery> Assign(
        IReadOnlyList<PlacementQuery> queries,
        int capacity,
        IReadOnlyDictionary<string, string> asked,
        IReadOnlyList<string> pool,
        int start,
        int queriesPerAccount
    )
    {
        Dictionary<string, int> used = pool.ToDictionary(account => account, _ => 0);
        foreach (string account in asked.Values.Where(used.ContainsKey))
            used[account]++;
        int at = start % pool.Count;
        return
        [
            .. queries.Select(query =>
            {
                if (asked.TryGetValue(ConfigurationOf(capacity, query), out string? known) && used.ContainsKey(known))
                    return new AssignedQuery(query, known);
                for (int step = 0; step < pool.Count; step++)
                {
                    string candidate = pool[(at + step) % pool.Count];
                    if (used[candidate] >= queriesPerAccount)
                        continue;
                    used[candidate]++;
                    at = (at + step) % pool.Count;
                    return new AssignedQuery(query, candidate);
                }

                return new AssignedQuery(query, null);
            }),
        ];
    }
}
