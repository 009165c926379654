namespace Durable.Operations.Leases;

/// <summary>A provider of machines that cost money while they are on. One implementation for each kind.</summary>
/// <remarks>Every call may be made twice.</remarks>
public interface IPaidMachines
{
    /// <summary>Stored in leases; never changes.</summary>
    string Kind { get; }

    /// <summary>Shortest time billed for each start. 60 s for EC2 (Linux, per-second billing).</summary>
    TimeSpan LeastBilled { get; }

    /// <summary>The machines as they are now, in the order of the ids; one that does not exist is <c>absent</c>, which is no
    /// error.</summary>
    Task<IReadOnlyList<Machine>> DescribeAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken);

    /// <summary>What the provider's price list says, US dollars an hour by machine type; a type that it does not list is missing. Default:
    /// there is no list.</summary>
    Task<IReadOnlyDictionary<string, decimal>> ListPricesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyDictionary<string, decimal>>(new Dictionary<string, decimal>());

    /// <summary>Asks for the start of machines that are off; does not wait.</summary>
    Task StartAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken);

    /// <summary>Asks for the stop of running machines; does not wait.</summary>
    /// <param name="force">Without letting their systems shut down.</param>
    Task StopAsync(IReadOnlyList<string> ids, bool force, CancellationToken cancellationToken);
}
