using Durable.Operations.Ledger;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>Stores new rows of the source, and fails when too many rows are bad. Safe to run twice.</summary>
/// <exception cref="DataGateException">Too many rows were rejected; they are counted by reason in <c>returns.rejects</c>;
/// permanent.</exception>
/// <exception cref="SourceRefusedException">The source refused the request; permanent.</exception>
public sealed class SyncReturns(IReturnsSource source, ReturnsTable table, DataGates gates, ReturnsOptions options)
{
    [Function(nameof(SyncReturns))]
    public async Task<IReadOnlyList<SourceRead>> RunAsync([ActivityTrigger] ReturnsRun run, CancellationToken cancellationToken)
    {
        List<SourceRead> reads = [];
        foreach (SourceTable from in (SourceTable[])[SourceTable.Embeddings, SourceTable.Outcomes])
            reads.Add(await table.SyncAsync(source, from, run.RunId, options.Overlap, run.Request.Since, cancellationToken));
        await gates.CheckAsync(
            run.RunId,
            [.. reads.Select(read => DataGate.Share("rejected_share", read.Table, read.RejectedRows, read.Read, options.MaxRejectedShare))],
            cancellationToken
        );
        return reads;
    }
}
