using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Returns;

/// <summary>Predicts, with the served model, the newest embedding and all since the last prediction. Safe to run twice: one prediction per
/// embedding and model.</summary>
public sealed class PredictReturns(ModelServer server, PredictionTable predictions)
{
    [Function(nameof(PredictReturns))]
    public async Task<PredictedRows> RunAsync([ActivityTrigger] ReturnsRun run, CancellationToken cancellationToken)
    {
        (ModelPointer Pointer, ReturnsModel Model) served;
        try
        {
            served = await server.GetAsync(cancellationToken);
        }
        catch (NoModelException)
        {
            return new PredictedRows(null, 0, 0);
        }

        IReadOnlyList<Embedding> open = await predictions.FindOpenAsync(served.Pointer.Version, cancellationToken);
        int stored = 0;
        foreach (Embedding embedding in open)
            stored += await predictions.AddAsync(
                embedding.BaseTs,
                served.Pointer.Version,
                served.Model.Predict(embedding.Values),
                cancellationToken
            )
                ? 1
                : 0;
        return new PredictedRows(served.Pointer.Version, open.Count, stored);
    }
}
