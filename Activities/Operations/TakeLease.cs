using Durable.Operations.Leases;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Opens a lease, or finds it, and grants it when no other is ahead. Safe to run twice.</summary>
/// <exception cref="LeaseRefusedException">A budget is spent, a machine is gone, or a price is unknown; permanent.</exception>
public sealed class TakeLease(LeaseKeeper leases)
{
    [Function(nameof(TakeLease))]
    public Task<LeaseTurn> RunAsync([ActivityTrigger] LeaseRequest request, CancellationToken cancellationToken) =>
        leases.TakeAsync(request, cancellationToken);
}
