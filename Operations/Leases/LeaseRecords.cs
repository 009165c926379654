using System.Text.Json.Serialization;

namespace Durable.Operations.Leases;

/// <summary>Paid machines that a run wants for itself for a while.</summary>
/// <param name="Kind">Their provider: <c>ec2</c>, or another <see cref="IPaidMachines"/>'s.</param>
/// <param name="Cluster">Name of the machines as a unit with one owner at a time. Letters, digits, <c>.</c>, <c>_</c>, <c>-</c>.</param>
/// <param name="RunId">The run in the ledger (<see cref="Ledger.RunLedger.RunId"/>): one lease per run and cluster, however often it is
/// requested.</param>
/// <param name="MachineIds">All of them, 1 to 100.</param>
/// <param name="Longest">Time from the grant to the deadline, after which the reaper stops what this lease started.</param>
/// <param name="StopsRunning">False (default): machines that were on before are left on. True: the lease owns them too.</param>
/// <param name="StartWithin">Longest wait for all to be running. Default 10 min.</param>
/// <param name="StopWithin">Longest wait for proof that all are off; the reaper takes over after it. Default 15 min.</param>
public sealed record ClusterRequest(
    string Kind,
    string Cluster,
    string RunId,
    IReadOnlyList<string> MachineIds,
    TimeSpan Longest,
    bool StopsRunning = false,
    TimeSpan? StartWithin = null,
    TimeSpan? StopWithin = null
)
{
    /// <summary>Id of the lease.</summary>
    public string LeaseId => $"{RunId}#{Cluster}";

    /// <summary>The cluster of a lease's id.</summary>
    internal static string ClusterOf(string leaseId) => leaseId[(leaseId.LastIndexOf('#') + 1)..];
}

/// <summary>States of a lease, in this order.</summary>
[JsonConverter(typeof(StoredTextConverter<LeaseState>))]
public enum LeaseState
{
    /// <summary>Opened; others are ahead.</summary>
    Waiting,

    /// <summary>Granted: its machines may be started and used.</summary>
    Held,

    /// <summary>A stop was called; what it started may still be on.</summary>
    Stopping,

    /// <summary>Closed for good; nothing of it is on.</summary>
    Closed,
}

/// <summary>Who closed a lease.</summary>
[JsonConverter(typeof(StoredTextConverter<LeaseCloser>))]
public enum LeaseCloser
{
    /// <summary>Its run, at its end.</summary>
    Run,

    /// <summary>The reaper: the run did not.</summary>
    Reaper,

    /// <summary>The cost guard, which refused it.</summary>
    Guard,
}

/// <summary>A request with its orchestration instance.</summary>
public sealed record LeaseRequest(string InstanceId, ClusterRequest Cluster);

/// <summary>Whether a lease is granted.</summary>
/// <param name="Granted">Machines may be started.</param>
/// <param name="Ahead">Leases before this one; 0 when granted.</param>
/// <param name="Holder">Run that holds the cluster or is next; null when granted.</param>
public sealed record LeaseTurn(string LeaseId, bool Granted, int Ahead, string? Holder);

/// <summary>A machine as its provider reports it.</summary>
/// <param name="State">The provider's word; for EC2 pending, running, stopping, stopped, shutting-down, terminated, and absent when it
/// knows no such machine.</param>
/// <param name="Type">Decides the price.</param>
/// <param name="Address">Private address while it is on; null when it has none.</param>
public sealed record Machine(string Id, string State, string Type, string? Address)
{
    /// <summary>It runs and can be used.</summary>
    public bool IsRunning => State == "running";

    /// <summary>It is off and has no hourly cost.</summary>
    public bool IsOff => State is "stopped" or "terminated" or "absent";

    /// <summary>Gone for good: it cannot be started again.</summary>
    public bool IsGone => State is "terminated" or "shutting-down" or "absent";
}

/// <summary>A cluster that may be used until the deadline.</summary>
/// <param name="Machines">In the order of the request.</param>
public sealed record ClusterGrant(string LeaseId, DateTime DeadlineUtc, IReadOnlyList<Machine> Machines);

/// <summary>Final state and cost of one machine.</summary>
/// <param name="State">The provider's last report.</param>
/// <param name="StateBefore">Its state before this lease.</param>
/// <param name="Ours">False: it was on before and was left as it was; nothing is charged to this run.</param>
/// <param name="SecondsBilled">From the start call until the provider was first seen to report it off, at least 60; 0 when it was never
/// on.</param>
/// <param name="CostUsd">Seconds × hourly price / 3600, rounded to four decimals.</param>
/// <param name="PriceSource">Source and date of the price.</param>
public sealed record MachineReceipt(
    string Id,
    string Type,
    string State,
    string StateBefore,
    bool Ours,
    long SecondsBilled,
    decimal HourlyPriceUsd,
    decimal CostUsd,
    string PriceSource = ""
);

/// <summary>How a lease ended.</summary>
/// <param name="Proven">The provider reported every machine of ours off. Without it the run is Failed and the reaper takes over.</param>
/// <param name="ClosedBy">Null while open.</param>
/// <param name="SecondsBilled">Sum over the machines.</param>
/// <param name="Error">Why the proof is missing, or why the lease was refused.</param>
public sealed record LeaseReceipt(
    string LeaseId,
    string Cluster,
    bool Proven,
    LeaseCloser? ClosedBy,
    DateTime? GrantedUtc,
    DateTime? ClosedUtc,
    IReadOnlyList<MachineReceipt> Machines,
    long SecondsBilled,
    decimal CostUsd,
    string? Error = null
)
{
    /// <summary>Receipt of a run without a lease: there is nothing to stop.</summary>
    public static LeaseReceipt OfNothing(string leaseId, string cluster) => new(leaseId, cluster, true, null, null, null, [], 0, 0);

    public override string ToString() =>
        FormattableString.Invariant(
            $"{Cluster}: {string.Join(", ", Machines.Select(machine => $"{machine.Id} {machine.State}{(machine.Ours ? "" : " (not started by this run)")}"))}; {SecondsBilled} machine seconds, {CostUsd:F4} USD"
        );
}

/// <summary>Requests the stop of a lease's machines.</summary>
/// <param name="Force">An earlier stop had no effect.</param>
public sealed record LeaseStop(string LeaseId, bool Force);

/// <summary>A lease is not granted: a budget is spent, a machine is gone, or a price is unknown. Permanent; the message names the
/// setting.</summary>
public sealed class LeaseRefusedException(string leaseId, string reason) : PermanentFailureException($"No lease {leaseId}: {reason}");

/// <summary>The caller no longer holds its lease: closed, stopping, or past its deadline. Permanent: nothing may start under it.</summary>
public sealed class LeaseLostException(string leaseId, string reason)
    : PermanentFailureException($"Lease {leaseId} is no longer held: {reason}");
