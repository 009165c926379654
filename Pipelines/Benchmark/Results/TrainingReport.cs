using System.Text.Json;
using System.Text.Json.Serialization;
using Durable.Operations;

namespace Durable.Pipelines.Benchmark.Results;

/// <summary>A job succeeded, but its results are unusable.</summary>
public sealed class ModelOutputException(string message)
    : PermanentFailureException($"The results of the training job cannot be used: {message}. Nothing was registered.");

/// <summary>One epoch, or one round of boosting.</summary>
public sealed record CurvePoint(
    [property: JsonPropertyName("epoch")] int Epoch,
    [property: JsonPropertyName("train_loss")] double TrainLoss,
    [property: JsonPropertyName("validation_loss")] double ValidationLoss,
    [property: JsonPropertyName("validation_accuracy")] double ValidationAccuracy,
    [property: JsonPropertyName("seconds")] double Seconds
);

/// <summary>A file of the model as the job wrote it.</summary>
public sealed record ModelFile(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("bytes")] long Bytes,
    [property: JsonPropertyName("sha256")] string Sha256
);

/// <summary>A training script's own report, in <c>metrics.json</c>.</summary>
/// <param name="BestEpoch">Epoch of the kept weights.</param>
/// <param name="Rows">Rows by channel.</param>
public sealed record TrainingReport(
    string Framework,
    string FrameworkVersion,
    IReadOnlyDictionary<string, JsonElement> Parameters,
    IReadOnlyDictionary<string, int> Rows,
    IReadOnlyList<CurvePoint> Epochs,
    int BestEpoch,
    double Seconds,
    long PeakMemoryMb,
    IReadOnlyList<ModelFile> ModelFiles
)
{
    /// <exception cref="ModelOutputException">It is not such a report.</exception>
    public static TrainingReport Read(byte[] json)
    {
        TrainingReport? report;
        try
        {
            report = JsonSerializer.Deserialize<TrainingReport>(json, JsonSerializerOptions.Web);
        }
        catch (JsonException error)
        {
            throw new ModelOutputException($"metrics.json cannot be read ({error.Path})");
        }

        if (report is not { Epochs.Count: > 0, ModelFiles.Count: > 0, Rows: not null, Parameters: not null, Framework.Length: > 0 })
            throw new ModelOutputException("metrics.json has no epochs or no files of the model");
        return report;
    }
}

/// <summary>Whether training settled.</summary>
/// <param name="Converged">The training loss fell, and the validation loss of the kept epoch is not above earlier ones.</param>
public sealed record Convergence(bool Converged, string Detail)
{
    /// <summary>Tolerance for a loss that moves sideways.</summary>
    private const double Tolerance = 1.02;

    /// <summary>Judges the curve up to the best epoch; early stopping discards the rest.</summary>
    public static Convergence Of(IReadOnlyList<CurvePoint> curve, int bestEpoch)
    {
        CurvePoint[] kept = [.. curve.Where(point => point.Epoch <= bestEpoch)];
        if (kept.Length == 0 || kept[^1].Epoch != bestEpoch)
            return new Convergence(false, $"epoch {bestEpoch}, whose weights were kept, is not in the curve");
        if (curve.Any(point => !double.IsFinite(point.TrainLoss) || !double.IsFinite(point.ValidationLoss)))
            return new Convergence(false, "a loss is no number");
        CurvePoint first = curve[0],
            last = kept[^1];
        double least = curve.Min(point => point.ValidationLoss);
        if (curve.Count > 1 && curve[^1].TrainLoss >= first.TrainLoss)
            return new Convergence(
                false,
                FormattableString.Invariant(
                    $"the training loss did not fall: {first.TrainLoss:G4} at first, {curve[^1].TrainLoss:G4} at last"
                )
            );
        return last.ValidationLoss <= least * Tolerance
            ? new Convergence(
                true,
                FormattableString.Invariant(
                    $"validation loss {first.ValidationLoss:G4} → {last.ValidationLoss:G4} in epoch {last.Epoch} of {curve[^1].Epoch}"
                )
            )
            : new Convergence(
                false,
                FormattableString.Invariant(
                    $"the weights are of epoch {last.Epoch} with validation loss {last.ValidationLoss:G4}; the least was {least:G4}"
                )
            );
    }
}
