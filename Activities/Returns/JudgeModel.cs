using Durable.Operations.Ledger;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace Durable.Activities.Returns;

/// <summary>Evaluates a candidate, the served model and the baselines on the same rows, and records the verdict. Safe to run
/// twice.</summary>
/// <returns>Accepted or not; a refused model is not an error.</returns>
/// <exception cref="ModelArchiveException">The job's archive is damaged, hostile or not a valid model; permanent.</exception>
/// <exception cref="ObjectChangedException">The training set is not the one the model was trained on; permanent.</exception>
public sealed partial class JudgeModel(
    ReturnsStorage storage,
    ModelServer server,
    ModelTable models,
    DataGates gates,
    ReturnsOptions options,
    ILogger<JudgeModel> logger
)
{
    [Function(nameof(JudgeModel))]
    public async Task<JudgedModel> RunAsync([ActivityTrigger] Candidate candidate, CancellationToken cancellationToken)
    {
        ServedPointer? served = await storage.ReadPointerAsync(cancellationToken);
        byte[] bytes = await storage.ReadAsync(candidate.Trained.ArtifactUri, cancellationToken);
        ModelArchive archive = ModelArchive.Read(bytes);
        using ReturnsModel model = ReturnsModel.Load(archive.Onnx);
        using ReturnsModel? current = await LoadAsync(served?.Pointer, cancellationToken);
        Judgement judgement = await MeasureAsync(candidate.Set, model, archive.Metric("test_mse"), current, cancellationToken);

        TrainedArtifact trained = candidate.Trained;
        IReadOnlyList<DataGate> measured = judgement.Gates(trained.Version, options.Epsilon);
        string[] failed = [.. measured.Where(gate => !gate.Passed).Select(gate => gate.ToString())];
        try
        {
            await gates.CheckAsync(candidate.Run.RunId, measured, cancellationToken);
        }
        catch (DataGateException)
        {
            // Recorded; the verdict says the same.
        }

        string sha256 = ReturnsStorage.Hash(bytes);
        await models.RecordAsync(
            trained.Version,
            candidate.Run.RunId,
            trained.JobName,
            candidate.Set.TrainUri,
            trained.ArtifactUri,
            sha256,
            failed.Length == 0 ? ModelVerdict.Accepted : ModelVerdict.Refused,
            judgement,
            cancellationToken
        );
        return new JudgedModel(
            trained.Version,
            trained.JobName,
            candidate.Set.TrainUri,
            trained.ArtifactUri,
            sha256,
            served?.ETag,
            served?.Pointer.Version,
            double.IsFinite(judgement.Candidate) ? judgement.Candidate : null,
            failed
        );
    }

    private async Task<Judgement> MeasureAsync(
        TrainingSet set,
        ReturnsModel model,
        double? reported,
        ReturnsModel? current,
        CancellationToken cancellationToken
    )
    {
        string path = Path.GetTempFileName();
        try
        {
            await storage.DownloadAsync(set, path, cancellationToken);
            return Judge.Measure(path, model, reported, current);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <returns>The served model; null when there is none or it is unusable: then the candidate must only beat the baselines.</returns>
    private async Task<ReturnsModel?> LoadAsync(ModelPointer? pointer, CancellationToken cancellationToken)
    {
        if (pointer is null)
            return null;
        try
        {
            return await server.LoadAsync(pointer, cancellationToken);
        }
        catch (Exception error) when (error is ModelArchiveException or ObjectChangedException)
        {
            LogUnusable(logger, pointer.Version, error.Message);
            return null;
        }
    }

    [LoggerMessage(
        EventId = 2040,
        Level = LogLevel.Error,
        Message = "The served model {Version} cannot be used, so the candidate is not compared with it: {Reason}"
    )]
    private static partial void LogUnusable(ILogger logger, string version, string reason);
}
