using System.Globalization;
using System.Text.Json;
using Durable.Pipelines.Climate.Model;
using Durable.Pipelines.Climate.Probability;

namespace Durable.Pipelines.Climate.Planning;

/// <summary>A request as read: either the options or what is wrong with them, field by field.</summary>
/// <param name="DryRun">Show the plan and do nothing.</param>
public sealed record ClimateRequestReading(ClimateRequest? Request, bool DryRun, IReadOnlyDictionary<string, string> Errors);

/// <summary>
/// Reads the options of a batch from a JSON body and a query string (which wins). Names may be written startYear, start-year or start_year.
/// </summary>
public static class ClimateRequestReader
{
    private static readonly string[] Fields =
    [
        "scenario", "startyear", "endyear", "batchsize", "workers", "risks", "bbox", "window", "force", "dryrun", "maxfallbackshare", "maxchange", "planhash", "afterprobability", "backup",
    ];

    /// <param name="body">JSON object, or blank for none.</param>
    public static ClimateRequestReading Read(string? body, IEnumerable<KeyValuePair<string, string?>> query)
    {
        Dictionary<string, string> errors = [];
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        ReadBody(body, values, errors);
        foreach ((string name, string? value) in query)
        {
            if (name is not "code") values[Normalize(name)] = value ?? "";
        }

        foreach (string unknown in values.Keys.Except(Fields)) errors[unknown] = $"unknown field; allowed: {string.Join(", ", Fields.Select(Shown))}";

        ClimateRequest defaults = ClimateRequest.Everything;
        List<string> scenarios = List("scenario", Scenarios.Names, values, errors);
        List<string> risks = List("risks", Risks.Names, values, errors);
        ClimateRequest request = defaults with
        {
            Scenarios = scenarios,
            Risks = risks,
            StartYear = Number("startyear", Scenarios.FirstYear, Scenarios.LastYear, defaults.StartYear, values, errors),
            EndYear = Number("endyear", Scenarios.FirstYear, Scenarios.LastYear, defaults.EndYear, values, errors),
            BatchSize = Number("batchsize", 50, 1_000_000, defaults.BatchSize, values, errors),
            Workers = Number("workers", 1, 64, defaults.Workers, values, errors),
            Box = Box(values, errors),
            Window = Choice("window", SampleWindow.Names, defaults.Window, values, errors),
            Force = Flag("force", values, errors),
            MaxFallbackShare = Share("maxfallbackshare", 1, defaults.MaxFallbackShare, values, errors),
            MaxChange = Share("maxchange", 100, defaults.MaxChange, values, errors),
            PlanHash = values.GetValueOrDefault("planhash") is { Length: > 0 } hash ? hash : null,
            AfterProbability = Flag("afterprobability", values, errors),
            Backup = Flag("backup", values, errors),
        };
        if (request.StartYear > request.EndYear) errors["startYear"] = $"{request.StartYear} lies after endYear {request.EndYear}; allowed: {Scenarios.FirstYear} to endYear";
        bool dryRun = Flag("dryrun", values, errors);
        return new ClimateRequestReading(errors.Count == 0 ? request : null, dryRun, errors);
    }

    private static void ReadBody(string? body, Dictionary<string, string> values, Dictionary<string, string> errors)
    {
        if (string.IsNullOrWhiteSpace(body)) return;
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                errors["body"] = "not a JSON object";
                return;
            }

            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.Value.ValueKind != JsonValueKind.Null) values[Normalize(property.Name)] = Text(property.Value);
            }
        }
        catch (JsonException error)
        {
            errors["body"] = $"not JSON: {error.Message}";
        }
    }

    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() ?? "",
        JsonValueKind.Array => string.Join(',', value.EnumerateArray().Select(Text)),
        JsonValueKind.Object => string.Join(',', ((string[])["south", "west", "north", "east"]).Select(name => value.TryGetProperty(name, out JsonElement edge) ? Text(edge) : "")),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => value.GetRawText(),
    };

    private static string Normalize(string name)
    {
        string plain = name.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
        return plain switch { "scenarios" => "scenario", "risk" => "risks", "box" or "boundingbox" => "bbox", _ => plain };
    }

    private static string Shown(string field) => field switch
    {
        "startyear" => "startYear", "endyear" => "endYear", "batchsize" => "batchSize", "dryrun" => "dryRun", "maxfallbackshare" => "maxFallbackShare", "maxchange" => "maxChange",
        "planhash" => "planHash", "afterprobability" => "afterProbability", _ => field,
    };

    private static List<string> List(string field, IReadOnlyList<string> allowed, Dictionary<string, string> values, Dictionary<string, string> errors)
    {
        if (!values.TryGetValue(field, out string? text) || string.Equals(text, "all", StringComparison.OrdinalIgnoreCase)) return [.. allowed];
        string[] given = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string[] bad = [.. given.Where(name => !allowed.Contains(name, StringComparer.OrdinalIgnoreCase))];
        if (bad.Length > 0 || given.Length == 0) errors[Shown(field)] = $"'{(bad.Length > 0 ? string.Join(", ", bad) : text)}' is not known; allowed: all, {string.Join(", ", allowed)}";
        return [.. allowed.Where(name => given.Contains(name, StringComparer.OrdinalIgnoreCase))];
    }

    private static int Number(string field, int least, int most, int fallback, Dictionary<string, string> values, Dictionary<string, string> errors)
    {
        if (!values.TryGetValue(field, out string? text)) return fallback;
        if (int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most) return number;
        errors[Shown(field)] = $"'{text}' is out of range; allowed: {least} to {most}";
        return fallback;
    }

    private static double Share(string field, double most, double fallback, Dictionary<string, string> values, Dictionary<string, string> errors)
    {
        if (!values.TryGetValue(field, out string? text)) return fallback;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number >= 0 && number <= most) return number;
        errors[Shown(field)] = FormattableString.Invariant($"'{text}' is out of range; allowed: 0 to {most}");
        return fallback;
    }

    private static bool Flag(string field, Dictionary<string, string> values, Dictionary<string, string> errors)
    {
        if (!values.TryGetValue(field, out string? text)) return false;
        if (text is "" or "1" || string.Equals(text, "true", StringComparison.OrdinalIgnoreCase)) return true;
        if (text is not "0" && !string.Equals(text, "false", StringComparison.OrdinalIgnoreCase)) errors[Shown(field)] = $"'{text}' is no truth value; allowed: true, false";
        return false;
    }

    private static string Choice(string field, IReadOnlyList<string> allowed, string fallback, Dictionary<string, string> values, Dictionary<string, string> errors)
    {
        if (!values.TryGetValue(field, out string? text)) return fallback;
        if (allowed.FirstOrDefault(name => string.Equals(name, text, StringComparison.OrdinalIgnoreCase)) is { } known) return known;
        errors[Shown(field)] = $"'{text}' is not known; allowed: {string.Join(", ", allowed)}";
        return fallback;
    }

    private static BoundingBox? Box(Dictionary<string, string> values, Dictionary<string, string> errors)
    {
        if (!values.TryGetValue("bbox", out string? text)) return null;
        double[] edges = [.. text.Split(',').Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double edge) ? edge : double.NaN)];
        if (edges.Length == 4 && edges[0] < edges[2] && edges[1] < edges[3] && edges.All(double.IsFinite) && edges[0] >= -90 && edges[2] <= 90)
        {
            return new BoundingBox(edges[0], edges[1], edges[2], edges[3]);
        }

        errors["bbox"] = $"'{text}' is no box; allowed: south,west,north,east in degrees with south < north and west < east";
        return null;
    }
}
