using System.Text.Json;
using Durable.Operations.Fields;

namespace Durable.Pipelines.Benchmark;

/// <summary>A request as it was read, or what is wrong with it.</summary>
/// <param name="Request">Null when a field is wrong.</param>
public sealed record BenchmarkRequestReading(BenchmarkRequest? Request, bool DryRun, IReadOnlyDictionary<string, string> Errors);

/// <summary>Reads <c>{"models": ["xgboost"], "seed": 42, "trainRows": 0, "epochs": 0, "force": false, "planHash": "…", "dryRun": false}</c>; everything may be left out.</summary>
public static class BenchmarkRequestReader
{
    private const int LeastRows = 100, MostRows = 1_000_000, MostEpochs = 1000;

    private sealed record Body(IReadOnlyList<string>? Models = null, int Seed = 42, int TrainRows = 0, int Epochs = 0, bool Force = false, string? PlanHash = null, bool DryRun = false);

    public static BenchmarkRequestReading Read(string? json)
    {
        Dictionary<string, string> wrong = [];
        Body body;
        try
        {
            body = JsonSerializer.Deserialize<Body>(string.IsNullOrWhiteSpace(json) ? "{}" : json, RequestText.Strict) ?? throw new JsonException();
        }
        catch (JsonException error)
        {
            string at = error.Path is { Length: > 2 } path ? path[2..].Split('[')[0] : "body";
            return new BenchmarkRequestReading(null, false, new Dictionary<string, string> { [at is "models" or "seed" or "trainRows" or "epochs" or "force" or "planHash" or "dryRun" ? at : "body"] = "a JSON object with models (names), seed, trainRows, epochs (numbers), force, dryRun (true or false), planHash" });
        }

        string[] models = [.. (body.Models ?? []).Distinct()];
        if (models.Any(model => BenchmarkModels.Find(model) is null)) wrong["models"] = $"some of {string.Join(", ", BenchmarkModels.All.Select(model => model.Name))}";
        if (body.Seed < 0) wrong["seed"] = "a whole number from 0 to 2147483647";
        if (body.TrainRows is not 0 and (< LeastRows or > MostRows)) wrong["trainRows"] = $"0 (all) or {LeastRows} to {MostRows}";
        if (body.Epochs is < 0 or > MostEpochs) wrong["epochs"] = $"0 (as defined) to {MostEpochs}";
        if (body.PlanHash is { } hash && !(hash.Length == 16 && hash.All(char.IsAsciiHexDigitLower))) wrong["planHash"] = "the hash of a plan: 16 hexadecimal digits";
        // In the order of the definition, so that the same models are the same request.
        string[] ordered = [.. BenchmarkModels.All.Select(model => model.Name).Where(models.Contains)];
        return new BenchmarkRequestReading(wrong.Count > 0 ? null : new BenchmarkRequest(ordered, body.Seed, body.TrainRows, body.Epochs, body.Force, body.PlanHash), body.DryRun, wrong);
    }
}
