using Google.OrTools.Sat;

namespace Durable.Pipelines.Spot.Packing;

/// <summary>Packs the regions of each type into the fewest possible questions.</summary>
/// <remarks>
/// Bin packing as a choice of patterns: which multisets of zone counts fill a question, and how often each is used. Types with the same
/// zone counts share one solution. CP-SAT runs on one thread with a fixed seed and a deterministic work limit, so the same offerings give
/// the same questions everywhere.
/// </remarks>
public sealed class QueryPacker
{
    /// <summary>Scores that one answer holds.</summary>
    public const int ZonesPerQuery = 10;

    private readonly Dictionary<string, Solution> solved = [];
    private readonly double workLimit;

    /// <param name="workLimit">Work limit of one solution, in CP-SAT's deterministic seconds. When it is used up, the best solution is
    /// returned with the proven bound.</param>
    public QueryPacker(double workLimit = 5) => this.workLimit = workLimit;

    /// <summary>Packs a day's offerings, in any order, one of each type and region.</summary>
    public PackedQueries Pack(IEnumerable<Offering> offerings)
    {
        List<PlacementQuery> queries = [];
        int bound = 0;
        foreach (
            IGrouping<string, Offering> type in offerings
                .Where(offering => offering.Zones > 0)
                .GroupBy(offering => offering.InstanceType)
                .OrderBy(type => type.Key, StringComparer.Ordinal)
        )
        {
            // Parts of each size, by region: a region with more zones than one answer holds is asked more than once.
            Queue<string>[] waiting = [.. Enumerable.Range(0, ZonesPerQuery + 1).Select(_ => new Queue<string>())];
            foreach (Offering offering in type.OrderBy(offering => offering.Region, StringComparer.Ordinal))
            {
                int rest = offering.Zones;
                for (; rest > ZonesPerQuery; rest -= ZonesPerQuery)
                    waiting[ZonesPerQuery].Enqueue(offering.Region);
                waiting[rest].Enqueue(offering.Region);
            }

            int[] demand = [.. waiting.Select(regions => regions.Count)];
            Solution solution = Solve(demand);
            bound += solution.Bound;
            List<PlacementQuery> ofType = [];
            foreach (int[] pattern in solution.Patterns)
            {
                List<string> regions = [];
                int zones = 0;
                for (int size = ZonesPerQuery; size > 0; size--)
                {
                    for (int n = 0; n < pattern[size] && waiting[size].TryDequeue(out string? region); n++)
                    {
                        regions.Add(region);
                        zones += size;
                    }
                }

                if (regions.Count > 0)
                    ofType.Add(new PlacementQuery(type.Key, [.. regions.Order(StringComparer.Ordinal)], zones));
            }

            queries.AddRange(ofType.OrderBy(query => string.Join(',', query.Regions), StringComparer.Ordinal));
        }

        return new PackedQueries(queries, bound);
    }

    /// <param name="Patterns">Per question, its number of parts of each size.</param>
    private sealed record Solution(IReadOnlyList<int[]> Patterns, int Bound);

    private Solution Solve(int[] demand)
    {
        string key = string.Join(',', demand);
        return solved.TryGetValue(key, out Solution? known) ? known : solved[key] = Solve(demand, workLimit);
    }

    private static Solution Solve(int[] demand, double workLimit)
    {
        int zones = demand.Select((count, size) => count * size).Sum(),
            least = (zones + ZonesPerQuery - 1) / ZonesPerQuery;
        IReadOnlyList<int[]> greedy = FirstFitDecreasing(demand);
        if (greedy.Count == least)
            return new Solution(greedy, least);

        int[][] patterns = [.. Patterns(demand)];
        CpModel model = new();
        IntVar[] uses = [.. patterns.Select((_, number) => model.NewIntVar(0, greedy.Count, $"pattern{number}"))];
        for (int size = 1; size <= ZonesPerQuery; size++)
        {
            if (demand[size] == 0)
                continue;
            int[] held = [.. patterns.Select(pattern => pattern[size])];
            model.Add(LinearExpr.WeightedSum(uses, held) >= demand[size]);
        }

        model.Add(LinearExpr.Sum(uses) >= least);
        model.Minimize(LinearExpr.Sum(uses));
        CpSolver solver = new()
        {
            StringParameters = FormattableString.Invariant($"num_workers:1 random_seed:1 max_deterministic_time:{workLimit}"),
        };
        CpSolverStatus status = solver.Solve(model);
        int bound = status is CpSolverStatus.Optimal or CpSolverStatus.Feasible or CpSolverStatus.Unknown
            ? Math.Max(least, (int)Math.Ceiling(solver.BestObjectiveBound - 1e-6))
            : least;
        if (status is not (CpSolverStatus.Optimal or CpSolverStatus.Feasible) || solver.ObjectiveValue > greedy.Count)
            return new Solution(greedy, bound);
        return new Solution(
            [.. patterns.SelectMany((pattern, number) => Enumerable.Repeat(pattern, (int)solver.Value(uses[number])))],
            bound
        );
    }

    /// <summary>First fit decreasing: each part into the first question with room, largest first.</summary>
    private static List<int[]> FirstFitDecreasing(int[] demand)
    {
        List<(int[] Pattern, int Zones)> bins = [];
        for (int size = ZonesPerQuery; size > 0; size--)
        {
            for (int n = 0; n < demand[size]; n++)
            {
                int at = bins.FindIndex(bin => bin.Zones + size <= ZonesPerQuery);
                if (at < 0)
                    (at, bins) = (bins.Count, [.. bins, (new int[ZonesPerQuery + 1], 0)]);
                bins[at].Pattern[size]++;
                bins[at] = (bins[at].Pattern, bins[at].Zones + size);
            }
        }

        return [.. bins.Select(bin => bin.Pattern)];
    }

    /// <summary>Every maximal multiset of the needed sizes that fits a question.</summary>
    private static IEnumerable<int[]> Patterns(int[] demand)
    {
        int[] sizes = [.. Enumerable.Range(1, ZonesPerQuery).Reverse().Where(size => demand[size] > 0)];
        return Fill(0, ZonesPerQuery, new int[ZonesPerQuery + 1]);

        IEnumerable<int[]> Fill(int at, int room, int[] held)
        {
            if (at == sizes.Length)
            {
                if (!sizes.Any(size => size <= room && held[size] < demand[size]))
                    yield return [.. held];
                yield break;
            }

            int size = sizes[at];
            for (int count = Math.Min(demand[size], room / size); count >= 0; count--)
            {
                held[size] = count;
                foreach (int[] pattern in Fill(at + 1, room - (count * size), held))
                    yield return pattern;
            }

            held[size] = 0;
        }
    }
}
