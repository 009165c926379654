using Durable.Operations.Leases;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Reads the current state of a held lease's machines from the provider, and the lease's deadline.</summary>
/// <exception cref="LeaseLostException">The lease is no longer held; permanent.</exception>
public sealed class ListMachines(LeaseKeeper leases)
{
    [Function(nameof(ListMachines))]
    public Task<ClusterGrant> RunAsync([ActivityTrigger] string leaseId, CancellationToken cancellationToken) =>
        leases.ListAsync(leaseId, cancellationToken);
}
