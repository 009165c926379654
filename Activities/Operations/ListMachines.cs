using Durable.Operations.Leases;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Reads the machines of a held lease as the provider reports them now, and the lease's deadline.</summary>
/// <exception cref="LeaseLostException">The lease is not held any more; permanent.</exception>
public sealed class ListMachines(LeaseKeeper leases)
{
    [Function(nameof(ListMachines))]
    public Task<ClusterGrant> RunAsync([ActivityTrigger] string leaseId, CancellationToken cancellationToken) =>
        leases.ListAsync(leaseId, cancellationToken);
}
