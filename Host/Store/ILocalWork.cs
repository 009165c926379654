namespace Durable.Host.Store;

/// <summary>What the writer needs of the host it writes for. Safe for many threads.</summary>
internal interface ILocalWork
{
    /// <summary>Reserves places of this host's activity workers for a turn about to be written.</summary>
    /// <returns>How many of the <paramref name="wanted"/> may be claimed with the turn.</returns>
    int Reserve(int wanted);

    /// <summary>Takes back places of a turn that was not written.</summary>
    void Release(int count);

    /// <summary>A commit left work for somebody: messages, children, unclaimed activities.</summary>
    void WorkWasLeft(WorkLeft left);
}
