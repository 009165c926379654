namespace Durable.Pipelines.Spot.Model;

/// <summary>The target capacities that slots ask for in turn.</summary>
public sealed class CapacityLadder
{
    private readonly int[] rungs;

    /// <param name="capacities">Rising, from 1.</param>
    public CapacityLadder(IEnumerable<int> capacities)
    {
        rungs = [.. capacities];
        if (rungs.Length == 0 || rungs[0] != 1 || rungs.Zip(rungs.Skip(1)).Any(pair => pair.First >= pair.Second))
            throw new ArgumentException($"Capacities must rise from 1, for example 1,5,10; these are {string.Join(',', rungs)}.");
    }

    public int Count => rungs.Length;

    /// <summary>The capacity at a position of the cycle, which may wrap around.</summary>
    public int At(int index) => rungs[index % rungs.Length];

    public bool Has(int capacity) => Array.BinarySearch(rungs, capacity) >= 0;

    /// <summary>The next lower capacity, 0 below the lowest: the bound when this one scores low.</summary>
    public int Below(int capacity)
    {
        int at = Array.BinarySearch(rungs, capacity);
        int lower = (at < 0 ? ~at : at) - 1;
        return lower < 0 ? 0 : rungs[lower];
    }
}
