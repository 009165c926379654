using Durable.Operations.Ledger;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Packing;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>Reads the offerings of all regions, packs a day's questions and writes its file. A failed region keeps its questions of the
/// previous day. An existing day is kept.</summary>
/// <exception cref="SpotOffException">No bucket is set; permanent.</exception>
/// <exception cref="WorkloadMissingException">No region has offerings.</exception>
public sealed class PackWorkload(
    OfferingCollector offerings,
    SpotFiles files,
    WorkloadTable table,
    RunLedger ledger,
    SpotOptions options,
    TimeProvider clock
)
{
    [Function(nameof(PackWorkload))]
    public async Task<WorkloadReceipt> RunAsync([ActivityTrigger] WorkloadRun run, CancellationToken cancellationToken)
    {
        if (!options.IsOn)
            throw new SpotOffException();
        await ledger.BeginAsync(run.RunId, run.InstanceId, "spot-workload", run.Request, planHash: null, total: 1, cancellationToken);
        DateOnly day = DateOnly.ParseExact(run.Request.Day, "yyyy-MM-dd");
        if (await files.ReadWorkloadAsync(day, cancellationToken) is { } there)
            return Receipt(there, new PackedQueries(there.Queries, 0), []) with { WasThere = true };

        Feed<Offering> offered = await offerings.CollectAsync(clock.GetUtcNow().UtcDateTime, cancellationToken);
        List<Offering> wanted = [.. offered.Rows];
        string[] unknown = [.. offered.Unknown.Select(place => place.Region!)];
        if (unknown.Length > 0)
            wanted.AddRange(await OfferingsBeforeAsync(day, unknown, cancellationToken));
        PackedQueries packed = new QueryPacker().Pack(wanted);
        if (packed.Queries.Count == 0)
            throw new WorkloadMissingException(day);
        Workload workload = new(day, packed.Queries);
        WorkloadReceipt receipt = Receipt(workload, packed, unknown);
        await files.WriteWorkloadAsync(workload, cancellationToken);
        await table.RecordAsync(receipt, SpotKeys.Workload(day), workload.Regions, cancellationToken);
        return receipt;
    }

    /// <summary>Zones of the failed regions, from the previous day's questions.</summary>
    private async Task<IEnumerable<Offering>> OfferingsBeforeAsync(
        DateOnly day,
        IReadOnlyList<string> regions,
        CancellationToken cancellationToken
    )
    {
        Workload? before = await files.ReadWorkloadAsync(day.AddDays(-1), cancellationToken);

        // A question states the zones of all its regions together; split evenly, at most what one answer holds.
        return before is null
            ? []
            : before
                .Queries.SelectMany(query =>
                    query
                        .Regions.Where(regions.Contains)
                        .Select(region => new Offering(query.InstanceType, region, Math.Max(1, query.Zones / query.Regions.Count)))
                )
                .GroupBy(offering => (offering.InstanceType, offering.Region))
                .Select(part => part.First());
    }

    private WorkloadReceipt Receipt(Workload workload, PackedQueries packed, IReadOnlyList<string> unknown)
    {
        int lists = (workload.Queries.Count + options.QueriesPerAccount - 1) / options.QueriesPerAccount;
        return new WorkloadReceipt(
            workload.Day.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture),
            workload.Queries.Select(query => query.InstanceType).Distinct().Count(),
            workload.Queries.Sum(query => query.Zones),
            workload.Queries.Count,
            packed.Bound,
            lists,
            (workload.Queries.Count * options.Ladder().Count + options.QueriesPerAccount - 1) / options.QueriesPerAccount,
            unknown
        );
    }
}
