using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Operations.Training;
using Durable.Pipelines.Returns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;

namespace Durable.Activities.Returns;

/// <summary>A training set with its planned use.</summary>
/// <param name="Fingerprint">Of the rows, the code and the network's settings: an equal one need not be trained again.</param>
/// <param name="JudgedVersion">A model with this fingerprint that was already judged; null: none.</param>
/// <param name="Trained">A finished job with this fingerprint not yet judged, because its run ended in between.</param>
/// <param name="Order">Otherwise, the job to start.</param>
public sealed record PreparedTraining(
    TrainingSet Set,
    string Fingerprint,
    string? JudgedVersion,
    TrainedArtifact? Trained,
    TrainingOrder Order
);

/// <summary>Writes the training set and code to the bucket and returns the job to start, or the one already paid for. Safe to run twice:
/// the same rows give the same file.</summary>
/// <exception cref="DataGateException">Too few rows; permanent.</exception>
/// <exception cref="NoTrainingSetException">Preparation is skipped and there is no training set; permanent.</exception>
public sealed class PrepareTraining(
    ReturnsTable table,
    ReturnsStorage storage,
    ReturnsJournal journal,
    DataGates gates,
    ReturnsOptions options,
    IConfiguration settings
)
{
    [Function(nameof(PrepareTraining))]
    public async Task<PreparedTraining> RunAsync([ActivityTrigger] ReturnsRun run, CancellationToken cancellationToken)
    {
        TrainingSet set = run.Request.SkipDataPrep
            ? await storage.ReadTrainingSetAsync(cancellationToken) ?? throw new NoTrainingSetException()
            : await WriteAsync(run, cancellationToken);
        string code = await storage.UploadCodeAsync(cancellationToken),
            version = run.Request.FrameworkVersion ?? options.FrameworkVersion;
        string fingerprint = Fingerprints.Of(set.Sha256, code, version, $"{options.Epochs}");
        (TrainedArtifact Trained, bool Judged)? known = run.Request.Force
            ? null
            : await journal.FindTrainedAsync(fingerprint, cancellationToken);
        string region = settings["AWS_REGION"] is { Length: > 0 } given ? given : "ap-northeast-2";
        TrainingOrder order = new(
            run.JobName,
            options.ImageFor(version, region),
            options.RoleArn,
            code,
            "train.py",
            new Dictionary<string, string> { ["train"] = set.Folder },
            storage.JobOutputUri(run.RunTs),
            run.Request.InstanceType ?? options.InstanceType,
            options.LongestTraining,
            new Dictionary<string, string> { ["train-uri"] = set.TrainUri, ["epochs"] = $"{options.Epochs}" },
            Spot: options.Spot
        );
        return new PreparedTraining(
            set,
            fingerprint,
            known is { Judged: true } judged ? judged.Trained.Version : null,
            known is { Judged: false } open ? open.Trained : null,
            order
        );
    }

    private async Task<TrainingSet> WriteAsync(ReturnsRun run, CancellationToken cancellationToken)
    {
        TrainingWindow window = await table.WindowAsync(run.Request.Since, run.Request.Limit, cancellationToken);
        await gates.CheckAsync(
            run.RunId,
            [new DataGate("training_rows", "training set", window.Rows, AtLeast: options.FewestRows)],
            cancellationToken
        );
        DirectoryInfo folder = Directory.CreateTempSubdirectory("returns-");
        try
        {
            string parquet = Path.Combine(folder.FullName, "train.parquet");
            string? npy = options.AlsoNpy ? Path.Combine(folder.FullName, "train.npy") : null;
            int rows = await TrainingSetFile.WriteAsync(parquet, npy, table.ReadAsync(window, cancellationToken), cancellationToken);
            return await storage.PublishTrainingSetAsync(run.RunTs, run.StartUtc, rows, parquet, npy, cancellationToken);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
