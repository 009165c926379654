using System.Diagnostics;
using Durable.Host.Store;

namespace Durable.Host.Engine;

/// <summary>How many activities this host runs or has claimed ahead, and when it claims more. Thread-safe.</summary>
/// <remarks>With short activities every claim would be a commit for a few; long ones would be withheld from other hosts. So the number
/// claimed ahead follows the speed of the last claim. While activities wait in the store, turns may claim half of the places for their own:
/// the other half goes to those that wait, oldest first, so that no instance starves beside busy ones.</remarks>
internal sealed class ActivityPlaces(HostLease lease, HubSettings settings)
{
    private const int Most = 1024;
    private static readonly TimeSpan Fast = TimeSpan.FromMilliseconds(100),
        Slow = TimeSpan.FromMilliseconds(500);

    private readonly Signal more = new();
    private readonly int least = settings.MaxConcurrentActivities * 2;
    private int ahead = settings.MaxConcurrentActivities * 2;
    private int taken; // reserved, queued and running
    private long lastClaim;
    private volatile bool storeMayHaveMore = true;

    /// <summary>Half of the places are free and the store may have work. Half, not one, because a claim is a commit.</summary>
    public bool WantsMore => storeMayHaveMore && Volatile.Read(ref taken) <= Ahead / 2 && lease.Holds;

    private int Ahead => Volatile.Read(ref ahead);

    /// <summary>Reserves up to <paramref name="wanted"/> places for a turn's own activities; none without a lease.</summary>
    public int Reserve(int wanted) => Reserve(wanted, storeMayHaveMore ? Ahead / 2 : Ahead);

    private int Reserve(int wanted, int upTo)
    {
        while (true)
        {
            int now = Volatile.Read(ref taken);
            int get = Math.Clamp(upTo - now, 0, wanted);
            if (!lease.Holds)
                return 0;
            if (Interlocked.CompareExchange(ref taken, now + get, now) == now)
                return get;
        }
    }

    /// <summary>Releases places.</summary>
    public void Release(int count)
    {
        Interlocked.Add(ref taken, -count);
        more.Set();
    }

    /// <summary>Starts a claim: reserves all free places and sizes the next ones by the speed of the last claim.</summary>
    public int BeginClaim()
    {
        storeMayHaveMore = false;
        TimeSpan since = Stopwatch.GetElapsedTime(lastClaim);
        lastClaim = Stopwatch.GetTimestamp();
        Volatile.Write(
            ref ahead,
            Math.Clamp(
                since < Fast ? Ahead * 2
                    : since > Slow ? least
                    : Ahead,
                least,
                Math.Max(least, Most)
            )
        );
        return Reserve(Ahead, Ahead);
    }

    /// <summary>Ends a claim: unused places are free again. A claim that filled them all suggests more in the store.</summary>
    public void EndClaim(int places, int claimed)
    {
        Interlocked.Add(ref taken, claimed - places);
        if (claimed == places && places > 0)
            storeMayHaveMore = true;
    }

    /// <summary>An activity is done.</summary>
    public void Finish()
    {
        if (Interlocked.Decrement(ref taken) <= Ahead / 2 && storeMayHaveMore)
            more.Set();
    }

    /// <summary>Triggers a search for unclaimed activities.</summary>
    public void LookForMore()
    {
        storeMayHaveMore = true;
        more.Set();
    }

    /// <summary>Waits until there is a reason to claim, at most <paramref name="longest"/>; after that the store may have work
    /// anyway.</summary>
    public async Task WaitAsync(TimeSpan longest, CancellationToken cancellation)
    {
        if (!await more.WaitAsync(longest, cancellation))
            storeMayHaveMore = true;
    }
}
