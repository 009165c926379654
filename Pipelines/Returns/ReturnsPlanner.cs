using Durable.Operations;
using Durable.Operations.Leases;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;

namespace Durable.Pipelines.Returns;

/// <summary>The pipeline is not configured.</summary>
public sealed class ReturnsOffException()
    : PermanentFailureException("The returns pipeline is off: set Returns__Bucket and Returns__RoleArn.");

/// <summary>Preparation is skipped, but there is no training set.</summary>
public sealed class NoTrainingSetException() : PermanentFailureException("There is no training set yet: start without skipDataPrep first.");

/// <summary>The plan of a training.</summary>
/// <param name="MostCostUsd">Cost if the job runs to its limit.</param>
public sealed record ReturnsPlan(
    Plan Plan,
    long KnownRows,
    DateTime? From,
    DateTime? To,
    string? ServedVersion,
    string InstanceType,
    decimal? MostCostUsd
);

/// <summary>Plans a training. Reads the ledger and the bucket; starts nothing and does not query the source.</summary>
public sealed class ReturnsPlanner(ReturnsStorage storage, ReturnsTable table, ReturnsOptions options, CostGuardOptions costs)
{
    public const string Kind = "returns";

    /// <exception cref="ReturnsOffException">No bucket is set.</exception>
    /// <exception cref="NoTrainingSetException">Preparation is skipped and there is no training set.</exception>
    public async Task<ReturnsPlan> PlanAsync(ReturnsRequest request, CancellationToken cancellationToken = default)
    {
        if (!options.IsOn)
            throw new ReturnsOffException();
        string? served = (await storage.ReadPointerAsync(cancellationToken))?.Pointer.Version;
        TrainingWindow window = await table.WindowAsync(request.Since, request.Limit, cancellationToken);
        string instanceType = request.InstanceType ?? options.InstanceType;
        string rows = FormattableString.Invariant($"{window.Rows} known rows to {window.To:u}");
        if (request.SkipDataPrep)
            rows = (await storage.ReadTrainingSetAsync(cancellationToken) ?? throw new NoTrainingSetException()).TrainUri;
        string text = FormattableString.Invariant(
            $"limit {request.Limit}, since {request.Since:u}, {rows}, served {served ?? "none"}, {instanceType}, framework {request.FrameworkVersion ?? options.FrameworkVersion}, at most {options.Epochs} epochs in {options.LongestTraining}"
        );
        string[] steps = request.SkipDataPrep ? ["train", "judge", "publish"] : ["read", "training-set", "train", "judge", "publish"];
        Plan plan = Plan.Make(
            Kind,
            text,
            [.. steps.Select(step => (step, (IReadOnlyList<string>)[]))],
            new Dictionary<string, PartitionRecord>(),
            lanes: 1,
            request.Force
        );
        IReadOnlyDictionary<string, decimal> prices = costs.Prices();
        decimal? price = prices.TryGetValue(instanceType, out decimal known) || prices.TryGetValue("*", out known) ? known : null;
        return new ReturnsPlan(
            plan,
            window.Rows,
            window.From,
            window.To,
            served,
            instanceType,
            price * (decimal)options.LongestTraining.TotalHours
        );
    }
}
