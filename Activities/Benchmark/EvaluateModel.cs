using System.Security.Cryptography;
using Durable.Operations.Ledger;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Data;
using Durable.Pipelines.Benchmark.Results;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Benchmark;

/// <summary>Evaluates a trained model on the held-out labels, which its job never saw, verifies that it is the trained model, and checks
/// its gates.</summary>
/// <remarks>Safe to run twice. The app computes every score itself, from the job's probabilities.</remarks>
/// <exception cref="ModelOutputException">The job's results are missing, broken or changed; permanent.</exception>
/// <exception cref="DataGateException">Not accurate enough, or not converged; permanent.</exception>
public sealed class EvaluateModel(BenchmarkStorage storage, BenchmarkTable table, DataGates gates)
{
    [Function(nameof(EvaluateModel))]
    public async Task RunAsync([ActivityTrigger] TrainedModel trained, CancellationToken cancellationToken)
    {
        ModelDefinition definition = BenchmarkModels.Get(trained.Key.Model);
        ResultRow row =
            await table.FindAsync(trained.Key, cancellationToken)
            ?? throw new ModelOutputException($"{trained.Key.Model} of {trained.Key.RunId} was never started");
        IReadOnlyDictionary<string, byte[]> output = await storage.ReadArchiveAsync(
            trained.ModelUri.Replace("/model.tar.gz", "/output.tar.gz", StringComparison.Ordinal),
            cancellationToken
        );
        TrainingReport report = TrainingReport.Read(File(output, "metrics.json"));
        IReadOnlyDictionary<string, byte[]> model = await storage.ReadArchiveAsync(trained.ModelUri, cancellationToken);
        ModelArchive.Verify(model, report.ModelFiles);
        (float[] probabilities, int rows, int columns) = NpyFile.ReadMatrix(File(output, "scores.npy"));
        ModelScores scores = Scoring.Of(
            probabilities,
            rows,
            columns,
            await storage.ReadHeldOutAsync(definition.DataSet, row.DataHash!, cancellationToken)
        );
        Convergence convergence = Convergence.Of(report.Epochs, report.BestEpoch);
        string sha256 = Convert.ToHexStringLower(
            SHA256.HashData(model.OrderBy(file => file.Key, StringComparer.Ordinal).SelectMany(file => file.Value).ToArray())
        );
        await table.MeasureAsync(trained, report, scores, convergence, sha256, cancellationToken);

        string subject = trained.Key.Model;
        await gates.CheckAsync(
            trained.Key.RunId,
            [
                new DataGate("accuracy", subject, scores.Accuracy, AtLeast: Math.BitIncrement(definition.LeastAccuracy)), // above, not at
                new DataGate("converged", subject, convergence.Converged ? 1 : 0, AtLeast: 1),
                new DataGate("test_rows_scored", subject, rows, AtLeast: rows),
            ],
            cancellationToken
        );
    }

    private static byte[] File(IReadOnlyDictionary<string, byte[]> archive, string name) =>
        archive.TryGetValue(name, out byte[]? content) ? content : throw new ModelOutputException($"the job left no {name}");
}
