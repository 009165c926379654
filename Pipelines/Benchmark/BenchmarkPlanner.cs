using System.Globalization;
using Durable.Operations.Ledger;
using Durable.Operations.Plans;
using Durable.Operations.Training;
using Durable.Pipelines.Benchmark.Data;

namespace Durable.Pipelines.Benchmark;

/// <summary>Plans which models a suite runs, and how. Reads the bucket and the ledger; starts nothing.</summary>
public sealed class BenchmarkPlanner(BenchmarkStorage storage, Partitions partitions, BenchmarkOptions options)
{
    /// <summary>Kind of these runs and partitions in the ledger.</summary>
    public const string Kind = "benchmark";

    /// <summary>Most seconds a plan assumes for a model never timed: the seed's own expectation is 5 to 30 minutes.</summary>
    private const int OrdinarySeconds = 600;

    /// <exception cref="BenchmarkOffException">No bucket is set.</exception>
    public async Task<SuitePlan> PlanAsync(BenchmarkRequest request, CancellationToken cancellationToken = default)
    {
        if (!options.IsOn)
            throw new BenchmarkOffException();
        string code = storage.ReadCode().Hash;
        ModelDefinition[] wanted =
        [
            .. BenchmarkModels
                .All.Where(model => request.Models.Count == 0 || request.Models.Contains(model.Name))
                .OrderBy(model => model.Priority),
        ];
        Dictionary<string, string> hashes = [],
            fingerprints = [];
        foreach (ModelDefinition model in wanted)
        {
            if (!hashes.TryGetValue(model.DataSet, out string? data))
                hashes[model.DataSet] = data = await DataAsync(model.DataSet, cancellationToken);
            fingerprints[model.Name] = Fingerprints.Of([
                model.Script,
                .. model.Parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"),
                model.LeastAccuracy.ToString(CultureInfo.InvariantCulture),
                data,
                code,
                request.OptionsText,
            ]);
        }

        Dictionary<string, PartitionRecord> ledger = await partitions.ReadAsync(Kind, cancellationToken);
        Plan plan = Plan.Make(
            Kind,
            request.OptionsText,
            [.. wanted.Select(model => (model.Name, (IReadOnlyList<string>)[fingerprints[model.Name]]))],
            ledger,
            lanes: 1,
            request.Force,
            _ => 1,
            1.0 / OrdinarySeconds
        );
        HashSet<string> toRun = [.. plan.Partitions.Where(partition => partition.IsToFill).Select(partition => partition.Key)];
        return new SuitePlan(
            plan,
            new SuiteWork(
                [
                    .. wanted
                        .Where(model => toRun.Contains(model.Name))
                        .Select(model => new ModelWork(model.Name, model.MemoryMb, model.Cpus, fingerprints[model.Name], Refusal(model))),
                ],
                [.. wanted.Where(model => !toRun.Contains(model.Name)).Select(model => model.Name)],
                options.MemoryMb,
                options.Cpus
            )
        );
    }

    /// <summary>The job of a model: its name comes from the run, so repeated calls create one job.</summary>
    /// <returns>Null and the reason when there is no image for it.</returns>
    public ModelJob JobOf(ModelOrder order, PreparedData data, string sourceUri)
    {
        ModelDefinition model = BenchmarkModels.Get(order.Key.Model);
        if (!options.ImageOf.TryGetValue(model.Framework, out string? image))
            return new ModelJob(
                null,
                $"there is no training image for {model.Framework}: add {model.Framework}=IMAGE to Benchmark__Images."
            );
        Dictionary<string, string> parameters = new(model.Parameters)
        {
            ["seed"] = Text(order.Request.Seed),
            ["memory-mb"] = Text(model.MemoryMb),
            ["train-rows"] = Text(order.Request.TrainRows),
            ["epochs"] = Text(order.Request.Epochs),
        };
        return new ModelJob(
            new TrainingOrder(
                $"bench-{model.Name}-{Fingerprints.Of(order.Key.RunId, model.Name)}",
                image,
                options.RoleArn,
                sourceUri,
                model.Script,
                new[] { "train", "validation", "test" }.ToDictionary(
                    channel => channel,
                    channel => storage.Uri($"{data.Prefix}{channel}/")
                ),
                storage.Uri(storage.OutputPrefix(order.Key.RunId)),
                model.InstanceType,
                model.Longest < options.LongestJob ? model.Longest : options.LongestJob,
                parameters,
                Spot: options.Spot
            ),
            null
        );
    }

    private string? Refusal(ModelDefinition model) =>
        model.MemoryMb > options.MemoryMb
            ? $"{model.Name} needs {model.MemoryMb} MB; the suite has {options.MemoryMb} (setting Benchmark__MemoryMb)."
        : model.Cpus > options.Cpus ? $"{model.Name} needs {model.Cpus} processors; the suite has {options.Cpus} (setting Benchmark__Cpus)."
        : null;

    private async Task<string> DataAsync(string dataSet, CancellationToken cancellationToken)
    {
        try
        {
            return await storage.DataHashAsync(dataSet, cancellationToken);
        }
        catch (DataSetMissingException)
        {
            return "absent"; // its models end as NotRun for this reason
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
