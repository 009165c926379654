using Durable.Operations.Leases;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Requests the start of a lease's machines; does not wait until they run. Safe to run twice.</summary>
/// <exception cref="LeaseLostException">The lease is no longer held; permanent.</exception>
public sealed class StartMachines(LeaseKeeper leases)
{
    [Function(nameof(StartMachines))]
    public Task RunAsync([ActivityTrigger] string leaseId, CancellationToken cancellationToken) =>
        leases.StartAsync(leaseId, cancellationToken);
}
