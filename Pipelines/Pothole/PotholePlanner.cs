using Durable.Operations;
using Durable.Operations.Aws;
using Durable.Operations.Leases;
using Durable.Operations.Plans;
using Microsoft.Extensions.Configuration;

namespace Durable.Pipelines.Pothole;

/// <summary>The pipeline is not configured.</summary>
public sealed class PotholeOffException()
    : PermanentFailureException(
        "The pothole pipeline is off: set Pothole__Bucket, Pothole__MasterInstanceId and Pothole__WorkerInstanceIds."
    );

/// <summary>Plans what a day still needs. Reads the bucket and the ledger; starts nothing.</summary>
public sealed class PotholePlanner(PotholeStorage storage, PotholeSteps steps, PotholeOptions options, IConfiguration settings)
{
    /// <summary>The step after the stages: results into PostgreSQL.</summary>
    public const string Load = "load";

    /// <summary>What a run of the day would do now, and why.</summary>
    /// <param name="runId">The run; any text when only planning.</param>
    /// <exception cref="PotholeOffException">No bucket is set.</exception>
    public async Task<PotholeWork> PlanAsync(PotholeRequest request, string runId, CancellationToken cancellationToken = default)
    {
        if (!options.IsOn)
            throw new PotholeOffException();
        string date = RunDates.Text(PotholeSteps.Day(request.Date));
        string inputPrefix = PotholeStorage.Partition(options.RawDataPrefix, date);
        Listing input = await storage.ListAsync(inputPrefix, cancellationToken);
        CodeBundle code = storage.ReadCode();
        IReadOnlyDictionary<string, StepRow> done = await steps.ReadAsync(date, cancellationToken);

        List<StepPlan> plan = [];
        List<StageWork> work = [];
        string upstream = input.Fingerprint;
        bool again = false;
        foreach (Stage stage in Stages.Of(options))
        {
            string[] arguments =
            [
                .. stage
                    .Files.Where(file => file.Value.Length > 0)
                    .SelectMany(file => new[] { file.Key, storage.Uri(S3Names.Checked(file.Value)) }),
                .. stage.Arguments,
            ];
            string fingerprint = Fingerprints.Of([upstream, code.Hash, stage.Name, .. arguments]);
            PlanReason reason = Reason(stage.Name, fingerprint);
            plan.Add(new StepPlan(stage.Name, reason));
            string runPrefix = $"{S3Names.Checked(options.RunsPrefix)}/dt={date}/";
            if (reason != PlanReason.Present)
                work.Add(
                    new StageWork(
                        stage.Name,
                        stage.Script,
                        storage.Uri(PotholeStorage.Partition(stage.Input, date)),
                        runPrefix,
                        storage.Uri(runPrefix),
                        arguments,
                        stage.Timeout,
                        fingerprint
                    )
                );
            upstream = fingerprint;
        }

        plan.Add(new StepPlan(Load, Reason(Load, upstream)));
        ClusterRequest cluster = new("ec2", "pothole", runId, [options.MasterInstanceId, .. options.Workers], options.ClusterBudget);
        SparkSettings spark = new(
            settings["AWS_REGION"] is { Length: > 0 } region ? region : "ap-northeast-2",
            options.ExecutorMemory,
            options.ExecutorCores,
            options.TotalExecutorCores,
            options.Packages
        );
        return new PotholeWork(
            date,
            runId,
            input.Data.Count,
            input.Bytes,
            storage.Uri(inputPrefix, "s3"),
            plan,
            work,
            storage.Uri(code.Prefix, "s3"),
            code.Hash,
            upstream,
            cluster,
            spark
        );

        PlanReason Reason(string step, string fingerprint)
        {
            PlanReason reason =
                request.Force ? PlanReason.Forced
                : again ? PlanReason.After
                : !done.TryGetValue(step, out StepRow? row) ? PlanReason.Missing
                : row.Fingerprint != fingerprint ? PlanReason.Stale
                : PlanReason.Present;
            again |= reason != PlanReason.Present;
            return reason;
        }
    }
}
