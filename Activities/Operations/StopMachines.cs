using Durable.Operations.Leases;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>
/// Requests the stop of what a lease started, and closes the lease once all of it is reported off; does not wait. Call it again until the
/// receipt is proven. Safe to run twice; a lease never opened has nothing to stop.
/// </summary>
public sealed class StopMachines(LeaseKeeper leases)
{
    [Function(nameof(StopMachines))]
    public Task<LeaseReceipt> RunAsync([ActivityTrigger] LeaseStop stop, CancellationToken cancellationToken) =>
        leases.StopAsync(stop.LeaseId, stop.Force, LeaseCloser.Run, cancellationToken);
}
