namespace Durable.Host.Store;

/// <summary>What the writer needs from its host. Thread-safe.</summary>
internal interface ILocalWork
{
    /// <summary>Reserves places of this host's activity workers for a turn about to be written.</summary>
    /// <returns>How many of the <paramref name="wanted"/> activities may be claimed with the turn.</returns>
    int Reserve(int wanted);

    /// <summary>Releases the places of a turn that was not written.</summary>
    void Release(int count);

    /// <summary>A commit left work for some host: messages, children, unclaimed activities.</summary>
    void WorkWasLeft(WorkLeft left);
}
