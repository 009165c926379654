namespace Durable.Operations.Leases;

/// <summary>A provider of machines that cost money while they are on. One implementation per kind.</summary>
/// <remarks>Every call may be made twice.</remarks>
public interface IPaidMachines
{
    /// <summary>Stored in leases; never changes.</summary>
    string Kind { get; }

    /// <summary>Shortest time billed per start. 60 s for EC2 (Linux, per-second billing).</summary>
    TimeSpan LeastBilled { get; }

    /// <summary>The machines' current state, in the order of the ids; a missing one is <c>absent</c>, not an error.</summary>
    Task<IReadOnlyList<Machine>> DescribeAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken);

    /// <summary>The provider's price list, US dollars an hour by machine type, without unlisted types. Default: no list.</summary>
    Task<IReadOnlyDictionary<string, decimal>> ListPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyDictionary<string, decimal>>(new Dictionary<string, decimal>());

    /// <summary>Requests the start of machines that are off; does not wait.</summary>
    Task StartAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken);

    /// <summary>Requests the stop of running machines; does not wait.</summary>
    /// <param name="force">Without a clean shutdown.</param>
    Task StopAsync(IReadOnlyList<string> ids, bool force, CancellationToken cancellationToken);
}
