using System.Globalization;
using System.Text.RegularExpressions;
using Durable.Postgres;
using Npgsql;

namespace Durable.Operations.Leases;

/// <summary>Opens, grants, starts, stops and closes leases. Every method may be called twice, by the run and by the reaper, at the same
/// time.</summary>
/// <remarks>
/// Starting and stopping lock the lease's row during the provider call, so that no start follows a stop, and a start's answer is recorded
/// before a stop checks. A closed lease stays closed.
/// </remarks>
public sealed partial class LeaseKeeper(NpgsqlDataSource database, IEnumerable<IPaidMachines> providers, CostGuardOptions options)
{
    /// <summary>Longest wait for an answer of a provider; its row is locked meanwhile.</summary>
    private static readonly TimeSpan ProviderLimit = TimeSpan.FromSeconds(60);

    private readonly HourlyPrices prices = new(options);

    /// <summary>Opens a lease or finds it, and grants it when no other is ahead.</summary>
    /// <exception cref="ArgumentException">The request itself is wrong.</exception>
    /// <exception cref="LeaseRefusedException">A limit would be exceeded, a machine is gone or has no price; the lease is
    /// closed.</exception>
    /// <exception cref="LeaseLostException">It was closed before.</exception>
    public async Task<LeaseTurn> TakeAsync(LeaseRequest request, CancellationToken cancellationToken = default)
    {
        Check(request.Cluster);
        string id = request.Cluster.LeaseId;
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await MachineLeases.OpenAsync(connection, request, cancellationToken);
        if (await AnswerAsync(connection, id, cancellationToken) is { } answer)
            return answer;

        // Asked only now: the previous holder has released the machines, so what is on is not theirs.
        IReadOnlyList<Machine> machines = await AskAsync(
            limit => Provider(request.Cluster.Kind).DescribeAsync(request.Cluster.MachineIds, limit),
            cancellationToken
        );
        IReadOnlyDictionary<string, HourlyPrice> hourly = await prices.OfAsync(
            Provider(request.Cluster.Kind),
            machines.Select(machine => machine.Type),
            cancellationToken
        );
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await MachineLeases.LockGrantsAsync(connection, cancellationToken);
        LeaseRow lease = (await MachineLeases.LockAsync(connection, id, cancellationToken))!;
        if (await AnswerAsync(connection, id, cancellationToken) is { } changed)
            return changed;

        string? refusal = await RefusalAsync(connection, lease, machines, hourly, cancellationToken);
        if (refusal is null)
            await MachineLeases.GrantAsync(
                connection,
                lease,
                [.. machines.Select(machine => (machine, hourly[machine.Type]))],
                cancellationToken
            );
        else
            await MachineLeases.CloseAsync(connection, id, LeaseCloser.Guard, refusal, [], cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return refusal is null ? new LeaseTurn(id, true, 0, null) : throw new LeaseRefusedException(id, refusal);
    }

    /// <summary>Starts the machines of a held lease that are off.</summary>
    /// <exception cref="LeaseLostException">It is not held, is being stopped, or is past its deadline.</exception>
    public async Task StartAsync(string leaseId, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await EnsureHeldAsync(connection, leaseId, false, cancellationToken);
        await MachineLeases.MarkAsync(connection, leaseId, "start_called_at", cancellationToken); // committed alone: it remains even if the call never returns
        await GuardedAsync(
            connection,
            leaseId,
            async () =>
            {
                LeaseRow lease = await EnsureHeldAsync(connection, leaseId, true, cancellationToken);
                IPaidMachines provider = Provider(lease.Kind);
                IReadOnlyList<Machine> machines = await AskAsync(
                    limit => provider.DescribeAsync(lease.MachineIds, limit),
                    cancellationToken
                );
                string[] off = [.. machines.Where(machine => machine is { IsOff: true, IsGone: false }).Select(machine => machine.Id)];
                if (off.Length > 0)
                    await AskAsync(limit => DoAsync(provider.StartAsync(off, limit)), cancellationToken);
                if (machines.Any(machine => machine.State == "stopping"))
                    return; // cannot start yet: ListAsync starts it
                await MachineLeases.MarkAsync(connection, leaseId, "start_confirmed_at", cancellationToken);
                await MachineLeases.BillFromStartAsync(connection, leaseId, cancellationToken);
            },
            cancellationToken
        );
    }

    /// <summary>The current state of a held lease's machines. A machine that was still stopping when the others started is started as soon
    /// as possible.</summary>
    /// <exception cref="LeaseLostException">It is not held, is being stopped, or is past its deadline.</exception>
    public async Task<ClusterGrant> ListAsync(string leaseId, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        LeaseRow lease = await EnsureHeldAsync(connection, leaseId, false, cancellationToken);
        if (lease.StartConfirmedAt is null)
            await StartAsync(leaseId, cancellationToken);
        IReadOnlyList<Machine> machines = await AskAsync(
            limit => Provider(lease.Kind).DescribeAsync(lease.MachineIds, limit),
            cancellationToken
        );
        await MachineLeases.ObserveAsync(connection, leaseId, machines, cancellationToken);
        return new ClusterGrant(leaseId, lease.Deadline!.Value, machines);
    }

    /// <summary>Stops what a lease started, and closes the lease once the provider reports it all off.</summary>
    /// <param name="by">Who asks.</param>
    /// <returns>The receipt; proven only when the lease is closed.</returns>
    public async Task<LeaseReceipt> StopAsync(string leaseId, bool force, LeaseCloser by, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await GuardedAsync(
            connection,
            leaseId,
            async () =>
            {
                if (
                    await MachineLeases.LockAsync(connection, leaseId, cancellationToken) is not { } lease
                    || lease.State == LeaseState.Closed
                )
                    return;
                if (lease.State == LeaseState.Waiting)
                {
                    await MachineLeases.CloseAsync(connection, leaseId, by, "never granted", [], cancellationToken);
                    return;
                }

                await MachineLeases.MarkAsync(connection, leaseId, "stop_called_at", cancellationToken);
                await StopMachinesAsync(connection, lease, force, by, cancellationToken);
            },
            cancellationToken
        );
        return await ReceiptAsync(connection, leaseId, cancellationToken);
    }

    /// <summary>Returns if a lease is held and usable now.</summary>
    /// <exception cref="LeaseLostException">It is not held, is being stopped, or is past its deadline.</exception>
    public async Task EnsureHeldAsync(string leaseId, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        await EnsureHeldAsync(connection, leaseId, false, cancellationToken);
    }

    /// <summary>Returns if a machine's lease is held, so that it may be used now.</summary>
    /// <param name="ending">To end a run: the lease may be past its deadline or stopping.</param>
    /// <exception cref="LeaseLostException">The lease is not held, or has no such machine.</exception>
    public async Task EnsureMachineAsync(string leaseId, string machineId, bool ending, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        LeaseRow? lease = ending ? await MachineLeases.ReadAsync(connection, leaseId, cancellationToken) : null;
        if (lease is not { IsHeld: true })
            lease = await EnsureHeldAsync(connection, leaseId, false, cancellationToken);
        if (!lease.MachineIds.Contains(machineId))
            throw new LeaseLostException(leaseId, $"{machineId} is not one of its machines.");
    }

    /// <summary>The current receipt of a lease; empty when it was never opened.</summary>
    public async Task<LeaseReceipt> ReceiptAsync(string leaseId, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        return await ReceiptAsync(connection, leaseId, cancellationToken);
    }

    /// <summary>Stops machines that came on after their lease was closed, by a start call whose answer was lost.</summary>
    /// <returns>Ids of those that were on.</returns>
    internal async Task<IReadOnlyList<string>> StopLateStartAsync(LeaseRow lease, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(cancellationToken);
        IPaidMachines provider = Provider(lease.Kind);
        IReadOnlyList<LeasedMachine> leased = await MachineLeases.MachinesAsync(connection, lease.LeaseId, cancellationToken);
        string[] ours = [.. leased.Where(machine => machine.Ours).Select(machine => machine.Id)];
        IReadOnlyList<Machine> machines = await AskAsync(limit => provider.DescribeAsync(ours, limit), cancellationToken);
        string[] running = [.. machines.Where(machine => machine.IsRunning).Select(machine => machine.Id)];
        if (running.Length > 0)
            await AskAsync(limit => DoAsync(provider.StopAsync(running, false, limit)), cancellationToken);
        return running;
    }

    private async Task StopMachinesAsync(
        NpgsqlConnection connection,
        LeaseRow lease,
        bool force,
        LeaseCloser by,
        CancellationToken cancellationToken
    )
    {
        IPaidMachines provider = Provider(lease.Kind);
        IReadOnlyList<Machine> machines = await AskAsync(limit => provider.DescribeAsync(lease.MachineIds, limit), cancellationToken);
        HashSet<string> ours =
        [
            .. (await MachineLeases.MachinesAsync(connection, lease.LeaseId, cancellationToken))
                .Where(machine => machine.Ours)
                .Select(machine => machine.Id),
        ];
        // A pending machine cannot be stopped yet; the next call finds it running.
        string[] toStop =
        [
            .. machines
                .Where(machine => ours.Contains(machine.Id) && (machine.IsRunning || (force && machine.State == "stopping")))
                .Select(machine => machine.Id),
        ];
        if (toStop.Length > 0)
        {
            await AskAsync(limit => DoAsync(provider.StopAsync(toStop, force, limit)), cancellationToken);
            machines = await AskAsync(limit => provider.DescribeAsync(lease.MachineIds, limit), cancellationToken);
        }

        await MachineLeases.ObserveAsync(connection, lease.LeaseId, machines, cancellationToken);
        if (!machines.Where(machine => ours.Contains(machine.Id)).All(machine => machine.IsOff))
            return;

        List<(string, long, decimal)> billed = [];
        foreach (LeasedMachine machine in await MachineLeases.MachinesAsync(connection, lease.LeaseId, cancellationToken))
        {
            long seconds = machine.Ours ? Billing.Seconds(machine.OnSince, machine.OffAt, provider.LeastBilled) : 0;
            billed.Add((machine.Id, seconds, Billing.Cost(seconds, machine.HourlyPriceUsd)));
        }

        await MachineLeases.CloseAsync(connection, lease.LeaseId, by, null, billed, cancellationToken);
    }

    /// <summary>Runs a step in a transaction; records a failure before rethrowing it.</summary>
    private static async Task GuardedAsync(
        NpgsqlConnection connection,
        string leaseId,
        Func<Task> step,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
            await step();
            await transaction.CommitAsync(cancellationToken);
        }
        catch (Exception error) when (error is not LeaseLostException and not NpgsqlException and not OperationCanceledException)
        {
            await MachineLeases.RecordFailureAsync(connection, leaseId, Redaction.Redact(error.Message), cancellationToken);
            throw;
        }
    }

    private static async Task<LeaseTurn?> AnswerAsync(NpgsqlConnection connection, string leaseId, CancellationToken cancellationToken)
    {
        LeaseRow lease = (await MachineLeases.ReadAsync(connection, leaseId, cancellationToken))!;
        if (lease.State == LeaseState.Held)
            return new LeaseTurn(leaseId, true, 0, null);
        if (lease is { State: LeaseState.Closed, ClosedBy: LeaseCloser.Guard })
            throw new LeaseRefusedException(leaseId, lease.Error ?? "refused");
        if (lease.State != LeaseState.Waiting)
            throw new LeaseLostException(leaseId, $"it is {lease.State.Text()}.");
        IReadOnlyList<string> blockers = await MachineLeases.BlockersAsync(connection, leaseId, cancellationToken);
        return blockers.Count > 0 ? new LeaseTurn(leaseId, false, blockers.Count, blockers[0]) : null;
    }

    private static async Task<LeaseRow> EnsureHeldAsync(
        NpgsqlConnection connection,
        string leaseId,
        bool locked,
        CancellationToken cancellationToken
    )
    {
        LeaseRow? lease = locked
            ? await MachineLeases.LockAsync(connection, leaseId, cancellationToken)
            : await MachineLeases.ReadAsync(connection, leaseId, cancellationToken);
        return lease switch
        {
            null => throw new LeaseLostException(leaseId, "it was never opened."),
            { IsOverdue: true } => throw new LeaseLostException(
                leaseId,
                FormattableString.Invariant($"its deadline was {lease.Deadline:u}.")
            ),
            { State: LeaseState.Held } => lease,
            _ => throw new LeaseLostException(
                leaseId,
                $"it is {lease.State.Text()}{(lease.ClosedBy is { } by ? $" by the {by.Text()}" : "")}."
            ),
        };
    }

    private static async Task<LeaseReceipt> ReceiptAsync(NpgsqlConnection connection, string leaseId, CancellationToken cancellationToken)
    {
        if (await MachineLeases.ReadAsync(connection, leaseId, cancellationToken) is not { } lease)
            return LeaseReceipt.OfNothing(leaseId, ClusterRequest.ClusterOf(leaseId));
        MachineReceipt[] machines =
        [
            .. (await MachineLeases.MachinesAsync(connection, leaseId, cancellationToken)).Select(machine => new MachineReceipt(
                machine.Id,
                machine.Type,
                machine.State,
                machine.StateBefore,
                machine.Ours,
                machine.SecondsBilled,
                machine.HourlyPriceUsd / 1.000000m,
                machine.CostUsd,
                machine.PriceSource
            )),
        ];
        return new LeaseReceipt(
            leaseId,
            lease.Cluster,
            lease.State == LeaseState.Closed,
            lease.ClosedBy,
            lease.GrantedAt,
            lease.ClosedAt,
            machines,
            machines.Sum(machine => machine.SecondsBilled),
            machines.Sum(machine => machine.CostUsd),
            lease.Error
        );
    }

    private async Task<string?> RefusalAsync(
        NpgsqlConnection connection,
        LeaseRow lease,
        IReadOnlyList<Machine> machines,
        IReadOnlyDictionary<string, HourlyPrice> hourly,
        CancellationToken cancellationToken
    )
    {
        if (machines.FirstOrDefault(machine => machine.IsGone) is { } gone)
            return $"{gone.Id} is {gone.State}.";
        if (machines.FirstOrDefault(machine => !hourly.ContainsKey(machine.Type)) is { } unpriced)
            return $"the price of {unpriced.Type} ({unpriced.Id}) is unknown: add it to setting CostGuard__HourlyPrices.";
        decimal[] ours =
        [
            .. machines
                .Where(machine => machine.State is not ("running" or "pending") || lease.StopsRunning)
                .Select(machine => hourly[machine.Type].Usd),
        ];
        return await OverBudgetAsync(connection, lease, TimeSpan.FromSeconds(lease.LongestSeconds), ours, cancellationToken);
    }

    /// <summary>The setting that forbids machines at these prices for this long; null: none.</summary>
    private async Task<string?> OverBudgetAsync(
        NpgsqlConnection connection,
        LeaseRow lease,
        TimeSpan longest,
        IReadOnlyList<decimal> hourlyPrices,
        CancellationToken cancellationToken
    )
    {
        if (longest > options.LongestLease)
            return $"it would last {longest}, setting CostGuard__LongestLease allows {options.LongestLease}.";
        Spent run = await MachineLeases.SpentAsync(connection, lease.RunId, lease.LeaseId, cancellationToken),
            day = await MachineLeases.SpentAsync(connection, null, lease.LeaseId, cancellationToken);
        long seconds = (long)Math.Ceiling(longest.TotalSeconds) * hourlyPrices.Count;
        decimal cost = hourlyPrices.Sum() * (decimal)longest.TotalHours;
        return Over("run", "CostGuard__RunSeconds", run.Seconds, seconds, options.RunSeconds, "machine seconds")
            ?? Over("run", "CostGuard__RunUsd", run.Usd, cost, options.RunUsd, "USD")
            ?? Over("day", "CostGuard__DaySeconds", day.Seconds, seconds, options.DaySeconds, "machine seconds")
            ?? Over("day", "CostGuard__DayUsd", day.Usd, cost, options.DayUsd, "USD");

        static string? Over(string of, string setting, decimal spent, decimal wanted, decimal most, string unit) =>
            spent + wanted <= most
                ? null
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"the budget of the {of} is {most:0.####} {unit} (setting {setting}); "
                        + $"{spent:0.####} are spent or promised, up to {wanted:0.####} more are requested."
                );
    }

    private IPaidMachines Provider(string kind) =>
        providers.FirstOrDefault(provider => provider.Kind == kind)
        ?? throw new ArgumentException(
            $"Machines of kind '{kind}' are not known; known are {string.Join(", ", providers.Select(provider => provider.Kind))}."
        );

    private static async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ProviderLimit);
        try
        {
            return await ask(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The provider of the machines did not answer within {ProviderLimit}.");
        }
    }

    private static async Task<bool> DoAsync(Task call)
    {
        await call;
        return true;
    }

    private static void Check(ClusterRequest request)
    {
        if (!Name().IsMatch(request.Cluster))
            throw new ArgumentException($"'{request.Cluster}' is no name of a cluster: letters, digits, '.', '_', '-'.");
        if (request.MachineIds.Count is 0 or > 100)
            throw new ArgumentException($"A cluster has 1 to 100 machines, {request.Cluster} has {request.MachineIds.Count}.");
        if (request.MachineIds.FirstOrDefault(id => !Name().IsMatch(id)) is { } bad)
            throw new ArgumentException($"'{bad}' is no machine id.");
        if (request.MachineIds.Distinct().Count() != request.MachineIds.Count)
            throw new ArgumentException($"{request.Cluster} names a machine twice.");
        if (request.Longest < TimeSpan.FromSeconds(1))
            throw new ArgumentException($"A lease lasts at least a second; {request.Cluster} asks for {request.Longest}.");
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\z")]
    private static partial Regex Name();
}
