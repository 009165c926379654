using Durable.Operations.Fields;

namespace Durable.Pipelines.Benchmark;

/// <summary>A request as read, or its errors.</summary>
/// <param name="Request">Null when a field is invalid.</param>
public sealed record BenchmarkRequestReading(BenchmarkRequest? Request, bool DryRun, IReadOnlyDictionary<string, string> Errors);

/// <summary>The options of a suite, and reading them from a request.</summary>
public static class BenchmarkRequestReader
{
    private const int LeastRows = 100;

    /// <summary>Every option with its limits; all are optional.</summary>
    public static IReadOnlyList<Field> Fields { get; } =
    [
        Field.List("models", "Only these models.", [.. BenchmarkModels.All.Select(model => model.Name)]),
        Field.Whole("seed", "Seed of the training.", 42, 0, int.MaxValue),
        Field.Whole("trainRows", "The first training rows only, from 100; 0: all.", 0, 0, 1_000_000),
        Field.Whole("epochs", "Epochs, or rounds of boosting; 0: as defined.", 0, 0, 1000),
        Field.Flag("force", "Also train models that have passed."),
        Field.Text("planHash", "Apply exactly the plan with this hash.", 128),
        Field.Flag("dryRun", "Show the plan and do nothing."),
    ];

    /// <param name="body">JSON object, or blank for none.</param>
    public static BenchmarkRequestReading Read(string? body) => Read(FieldValues.Read(Fields, body, []));

    public static BenchmarkRequestReading Read(FieldValues values)
    {
        // In definition order, so that the same models are the same request; none means all.
        BenchmarkRequest request = new(
            values.Has("models") ? [.. values.List("models")] : [],
            values.Whole("seed"),
            values.Whole("trainRows"),
            values.Whole("epochs"),
            values.Flag("force"),
            values.Text("planHash")
        );
        if (request.TrainRows is > 0 and < LeastRows)
            values.Refuse("trainRows", $"0 (all) or {LeastRows} to 1000000");
        if (request.PlanHash is { } hash && !(hash.Length == 16 && hash.All(char.IsAsciiHexDigitLower)))
            values.Refuse("planHash", "the hash of a plan: 16 hexadecimal digits");
        bool dryRun = values.Flag("dryRun");
        return new BenchmarkRequestReading(values.Errors.Count > 0 ? null : request, dryRun, values.Errors);
    }
}
