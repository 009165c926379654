using Amazon.Runtime;
using Amazon.SageMaker;
using Amazon.SageMaker.Model;

namespace Durable.Operations.Training;

/// <summary>The complete definition of a SageMaker training job in script mode: the same order is the same job.</summary>
/// <param name="JobName">Letters, digits, hyphens, at most 63. Derived from the run, so that a second start finds the first; a name is
/// taken forever.</param>
/// <param name="Image">Training image; its framework runs <paramref name="Program"/>.</param>
/// <param name="RoleArn">The job's role.</param>
/// <param name="SourceUri">The scripts as <c>s3://…/sourcedir.tar.gz</c>.</param>
/// <param name="Program">Script to run, in that archive.</param>
/// <param name="Channels">S3 prefix of each channel's data.</param>
/// <param name="OutputUri">S3 prefix; the job's results go to <c>&lt;this&gt;/&lt;job name&gt;/output/</c>.</param>
/// <param name="Longest">SageMaker ends the job after this.</param>
/// <param name="Parameters">Hyperparameters for the script.</param>
public sealed record TrainingOrder(
    string JobName,
    string Image,
    string RoleArn,
    string SourceUri,
    string Program,
    IReadOnlyDictionary<string, string> Channels,
    string OutputUri,
    string InstanceType,
    TimeSpan Longest,
    IReadOnlyDictionary<string, string> Parameters,
    int VolumeGb = 30,
    bool Spot = false
)
{
    /// <summary>The job as a leased machine: its name and its type, which decides the price.</summary>
    public string MachineId => $"{JobName}{SageMakerMachines.Separator}{InstanceType}";
}

/// <summary>A training job as SageMaker reports it.</summary>
/// <param name="Status"><c>InProgress</c>, <c>Stopping</c>, <c>Completed</c>, <c>Failed</c>, <c>Stopped</c>, or <c>Absent</c>.</param>
/// <param name="Secondary">E.g. <c>Downloading</c>, <c>Training</c>, <c>MaxRuntimeExceeded</c>.</param>
/// <param name="Reason">Why it failed, secrets removed, at most 1,000 characters.</param>
/// <param name="ModelUri">URI of the model; null when there is none.</param>
public sealed record TrainingState(
    string Status,
    string Secondary,
    string? Reason,
    string? ModelUri,
    int TrainingSeconds,
    int BillableSeconds
)
{
    public bool HasEnded => Status is "Completed" or "Failed" or "Stopped";

    public bool Succeeded => Status == "Completed";
}

/// <summary>Training jobs of SageMaker.</summary>
public sealed class TrainingJobs(IAmazonSageMaker sageMaker)
{
    /// <summary>Starts the job. Safe to call twice: the name is the job.</summary>
    public async Task StartAsync(TrainingOrder order, CancellationToken cancellationToken = default)
    {
        Dictionary<string, string> parameters = new(order.Parameters)
        {
            ["sagemaker_program"] = order.Program,
            ["sagemaker_submit_directory"] = order.SourceUri,
        };
        try
        {
            await sageMaker.CreateTrainingJobAsync(
                new CreateTrainingJobRequest
                {
                    TrainingJobName = order.JobName,
                    AlgorithmSpecification = new AlgorithmSpecification
                    {
                        TrainingImage = order.Image,
                        TrainingInputMode = TrainingInputMode.File,
                    },
                    RoleArn = order.RoleArn,
                    HyperParameters = parameters,
                    InputDataConfig =
                    [
                        .. order
                            .Channels.OrderBy(channel => channel.Key, StringComparer.Ordinal)
                            .Select(channel => new Channel
                            {
                                ChannelName = channel.Key,
                                DataSource = new DataSource
                                {
                                    S3DataSource = new S3DataSource
                                    {
                                        S3DataType = S3DataType.S3Prefix,
                                        S3Uri = channel.Value,
                                        S3DataDistributionType = S3DataDistribution.FullyReplicated,
                                    },
                                },
                            }),
                    ],
                    OutputDataConfig = new OutputDataConfig { S3OutputPath = order.OutputUri },
                    ResourceConfig = new ResourceConfig
                    {
                        InstanceType = order.InstanceType,
                        InstanceCount = 1,
                        VolumeSizeInGB = order.VolumeGb,
                    },
                    StoppingCondition = new StoppingCondition
                    {
                        MaxRuntimeInSeconds = (int)order.Longest.TotalSeconds,
                        MaxWaitTimeInSeconds = order.Spot ? (int)(order.Longest.TotalSeconds * 2) : null,
                    },
                    EnableManagedSpotTraining = order.Spot ? true : null,
                },
                cancellationToken
            );
        }
        catch (AmazonServiceException taken) when (taken.ErrorCode is "ResourceInUse" or "ResourceInUseException")
        {
            // Ours, from a start whose answer was lost or before a restart.
        }
    }

    public async Task<TrainingState> ReadAsync(string jobName, CancellationToken cancellationToken = default)
    {
        try
        {
            DescribeTrainingJobResponse job = await sageMaker.DescribeTrainingJobAsync(
                new DescribeTrainingJobRequest { TrainingJobName = jobName },
                cancellationToken
            );
            string? reason = job.FailureReason is { Length: > 0 } text ? Durable.Postgres.Redaction.Redact(text) : null;
            return new TrainingState(
                job.TrainingJobStatus?.Value ?? "unknown",
                job.SecondaryStatus?.Value ?? "",
                reason?.Length > 1000 ? reason[..1000] : reason,
                job.ModelArtifacts?.S3ModelArtifacts,
                job.TrainingTimeInSeconds ?? 0,
                job.BillableTimeInSeconds ?? 0
            );
        }
        catch (AmazonServiceException unknown) when (IsAbsent(unknown))
        {
            return new TrainingState("Absent", "", null, null, 0, 0);
        }
    }

    /// <summary>Requests the job's stop; it has two minutes to unwind. Safe to call twice, also when it has ended or never
    /// existed.</summary>
    public async Task StopAsync(string jobName, CancellationToken cancellationToken = default)
    {
        try
        {
            await sageMaker.StopTrainingJobAsync(new StopTrainingJobRequest { TrainingJobName = jobName }, cancellationToken);
        }
        catch (AmazonServiceException ended) when (ended.ErrorCode is "ValidationException" || IsAbsent(ended))
        {
            // "The request was rejected because the training job is in status …": there is nothing to stop.
        }
    }

    private static bool IsAbsent(AmazonServiceException error) =>
        error.ErrorCode is "ResourceNotFound" or "ResourceNotFoundException"
        || (error.ErrorCode == "ValidationException" && error.Message.Contains("resource not found", StringComparison.OrdinalIgnoreCase));
}
