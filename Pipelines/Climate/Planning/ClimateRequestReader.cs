using System.Globalization;
using Durable.Operations.Fields;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;

namespace Durable.Pipelines.Climate.Planning;

/// <summary>A request as read: either the options or their errors by field.</summary>
/// <param name="DryRun">Show the plan and do nothing.</param>
public sealed record ClimateRequestReading(ClimateRequest? Request, bool DryRun, IReadOnlyDictionary<string, string> Errors);

/// <summary>The options of a batch, and reading them from a request.</summary>
public static class ClimateRequestReader
{
    private static readonly ClimateRequest Defaults = ClimateRequest.Everything;

    /// <summary>Every option with its limits.</summary>
    public static IReadOnlyList<Field> Fields { get; } =
    [
        Field.List("scenario", "Only these scenarios.", Scenarios.Names) with
        {
            Aliases = ["scenarios"],
        },
        Field.Whole("startYear", "First target year.", Defaults.StartYear, Scenarios.FirstYear, Scenarios.LastYear),
        Field.Whole("endYear", "Last target year.", Defaults.EndYear, Scenarios.FirstYear, Scenarios.LastYear),
        Field.Whole("batchSize", "Rows per chunk written.", Defaults.BatchSize, 50, 1_000_000),
        Field.Whole("workers", "Partitions computed at the same time.", Defaults.Workers, 1, 64),
        Field.List("risks", "Only these risks.", Risks.Names) with
        {
            Aliases = ["risk"],
        },
        new Field("bbox", FieldKind.Box, "Only this part of the grid: south,west,north,east in degrees.")
        {
            Aliases = ["box", "boundingBox"],
        },
        Field.Choice("window", "Sample for P(H).", Defaults.Window, SampleWindow.Names),
        Field.Flag("force", "Compute existing partitions, too."),
        Field.Flag("dryRun", "Show the plan and do nothing."),
        Field.Number("maxFallbackShare", "Largest share of values that may use stated defaults.", Defaults.MaxFallbackShare, 0, 1),
        Field.Number("maxChange", "Largest change of a partition's mean against its last run.", Defaults.MaxChange, 0, 100),
        Field.Text("planHash", "Apply exactly the plan with this hash.", 128),
        Field.Flag("afterProbability", "Wait until P(H) of the same scenarios and years has passed its gate."),
        Field.Flag("backup", "Dump the result tables first."),
    ];

    /// <param name="body">JSON object, or blank for none.</param>
    /// <param name="query">Pairs that override the body.</param>
    public static ClimateRequestReading Read(string? body, IEnumerable<KeyValuePair<string, string?>> query) =>
        Read(FieldValues.Read(Fields, body, query));

    /// <summary>Checks options read by <see cref="Fields"/>.</summary>
    public static ClimateRequestReading Read(FieldValues values)
    {
        ClimateRequest request = new(
            values.List("scenario"),
            values.Whole("startYear"),
            values.Whole("endYear"),
            values.Whole("batchSize"),
            values.Whole("workers"),
            values.List("risks"),
            Box(values),
            values.Choice("window"),
            values.Flag("force"),
            values.Number("maxFallbackShare"),
            values.Number("maxChange"),
            values.Text("planHash"),
            values.Flag("afterProbability"),
            values.Flag("backup")
        );
        bool dryRun = values.Flag("dryRun");
        if (request.StartYear > request.EndYear && values.Errors.Count == 0)
            values.Refuse(
                "startYear",
                $"{request.StartYear} lies after endYear {request.EndYear}; allowed: {Scenarios.FirstYear} to endYear"
            );
        return new ClimateRequestReading(values.Errors.Count == 0 ? request : null, dryRun, values.Errors);
    }

    private static BoundingBox? Box(FieldValues values)
    {
        if (values.Text("bbox") is not { } text)
            return null;
        double[] edges =
        [
            .. text.Split(',')
                .Select(part =>
                    double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double edge) ? edge : double.NaN
                ),
        ];
        if (
            edges.Length == 4
            && edges.All(double.IsFinite)
            && edges[0] < edges[2]
            && edges[1] < edges[3]
            && edges[0] >= -90
            && edges[2] <= 90
        )
            return new BoundingBox(edges[0], edges[1], edges[2], edges[3]);
        values.Refuse("bbox", $"'{text}' is no box; allowed: south,west,north,east in degrees with south < north and west < east");
        return null;
    }
}
