using System.Collections.Concurrent;
using Durable.Host.History;
using Durable.Host.Store;

namespace Durable.Host.Engine;

/// <summary>Shared state of the engine, its activity workers and the writer: the instances this host holds, the places of its workers, the
/// wake-up of its claims. Thread-safe.</summary>
internal sealed class LocalWork(ActivityPlaces places) : ILocalWork
{
    /// <summary>Instances held now, by id.</summary>
    public ConcurrentDictionary<string, OrchestrationSession> Sessions { get; } = new(StringComparer.Ordinal);

    /// <summary>Wakes the claim of instances.</summary>
    public Signal Wake { get; } = new();

    public ActivityPlaces Places => places;

    /// <summary>Gives a result to the session of its instance; false when this host does not hold it.</summary>
    public bool TryDeliver(ClaimedActivity activity, HistoryEvent result) =>
        Sessions.TryGetValue(activity.InstanceId, out OrchestrationSession? session) && session.TryDeliver(activity.RunNo, result);

    /// <summary>An activity of an instance starts (+1) or is done (-1).</summary>
    public void Track(ClaimedActivity activity, int change)
    {
        if (Sessions.TryGetValue(activity.InstanceId, out OrchestrationSession? session))
            session.CountActivity(change);
    }

    /// <summary>Triggers claims of both kinds.</summary>
    public void Look()
    {
        Wake.Set();
        places.LookForMore();
    }

    public int Reserve(int wanted) => places.Reserve(wanted);

    public void Release(int count) => places.Release(count);

    public void WorkWasLeft(WorkLeft left)
    {
        if (left.Activities)
            places.LookForMore();
        if (left.Instances)
            Wake.Set();
    }
}
