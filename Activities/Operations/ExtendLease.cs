using Durable.Operations.Leases;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Operations;

/// <summary>Moves the deadline of a held lease, within the budgets and the longest lease. Safe to run twice.</summary>
/// <returns>The current deadline, UTC.</returns>
/// <exception cref="LeaseRefusedException">A limit would be exceeded; the lease is unchanged; permanent.</exception>
/// <exception cref="LeaseLostException">It is past its deadline, or not held; permanent.</exception>
public sealed class ExtendLease(LeaseKeeper leases)
{
    [Function(nameof(ExtendLease))]
    public Task<DateTime> RunAsync([ActivityTrigger] LeaseExtension extension, CancellationToken cancellationToken) =>
        leases.ExtendAsync(extension, cancellationToken);
}
