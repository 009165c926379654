using Durable.Operations.Ledger;

namespace Durable.Pipelines.Returns;

/// <summary>Errors on the same rows, mean squared over six targets, in squared per cent.</summary>
/// <param name="Candidate">The new model's.</param>
/// <param name="Current">The served model's; null when none is served.</param>
/// <param name="Mean">Of always predicting the mean of the earlier rows.</param>
/// <param name="Zero">Of always predicting zero.</param>
/// <param name="Last">Of predicting the last value.</param>
/// <param name="Reported">The candidate's, reported by its script.</param>
/// <param name="VaryingTargets">Targets that vary in these rows.</param>
public sealed record Judgement(
    double Candidate,
    double? Current,
    double Mean,
    double Zero,
    double Last,
    double? Reported,
    int VaryingTargets,
    int TestRows
)
{
    /// <summary>The gates a candidate must pass. NaN never passes.</summary>
    /// <param name="epsilon">How much worse than the current model it may be, as a share.</param>
    public IReadOnlyList<DataGate> Gates(string subject, double epsilon) =>
        [
            new("varying_targets", subject, VaryingTargets, AtLeast: 1),
            // Below, not at: a model that only predicts the mean has learned nothing.
            new("test_mse_over_mean_baseline", subject, Ratio(Candidate, Mean), AtMost: 1 - 1e-9),
            new("test_mse_over_zero_baseline", subject, Ratio(Candidate, Zero), AtMost: 1 - 1e-9),
            new("test_mse_over_last_value_baseline", subject, Ratio(Candidate, Last), AtMost: 1 - 1e-9),
            .. Current is { } current
                ? new[] { new DataGate("test_mse_over_current_model", subject, Ratio(Candidate, current), AtMost: 1 + epsilon) }
                : [],
            // The exported network must be the one the script measured.
            new(
                "test_mse_over_reported",
                subject,
                Reported is { } reported ? Ratio(Candidate, reported) : double.NaN,
                AtLeast: 0.999,
                AtMost: 1.001
            ),
        ];

    // 0 / 0 is NaN, which passes no gate.
    private static double Ratio(double error, double other) => error / other;
}

/// <summary>Evaluates models on held-out rows.</summary>
public static class Judge
{
    /// <summary>Evaluates a candidate and the served model on the last rows of a training set.</summary>
    /// <param name="parquet">The file the candidate was trained on.</param>
    public static Judgement Measure(string parquet, ReturnsModel candidate, double? reported, ReturnsModel? current)
    {
        TrainingSplit split = TrainingSplit.Of(TrainingSetFile.Count(parquet));
        (double[] mean, double[] before) = Learned(parquet, split.TestFrom);
        double[] low = [.. Enumerable.Repeat(double.PositiveInfinity, before.Length)],
            high = [.. Enumerable.Repeat(double.NegativeInfinity, before.Length)];
        double candidateError = 0,
            currentError = 0,
            meanError = 0,
            zeroError = 0,
            lastError = 0;
        foreach (IReadOnlyList<TrainingRow> rows in TrainingSetFile.Read(parquet, split.TestFrom))
        {
            float[] features = [.. rows.SelectMany(row => row.Features)];
            candidateError += Error(candidate, features, rows);
            if (current is not null)
                currentError += Error(current, features, rows);
            foreach (double[] actual in rows.Select(row => row.Targets))
            {
                for (int i = 0; i < actual.Length; i++)
                {
                    meanError += Square(actual[i] - mean[i]);
                    zeroError += Square(actual[i]);
                    lastError += Square(actual[i] - before[i]);
                    low[i] = Math.Min(low[i], actual[i]);
                    high[i] = Math.Max(high[i], actual[i]);
                }

                before = actual;
            }
        }

        double values = (double)split.TestRows * mean.Length;
        return new Judgement(
            candidateError / values,
            current is null ? null : currentError / values,
            meanError / values,
            zeroError / values,
            lastError / values,
            reported,
            low.Zip(high).Count(range => range.Second - range.First > 1e-9),
            split.TestRows
        );
    }

    private static (double[] Mean, double[] Last) Learned(string parquet, int rows)
    {
        double[] sum = new double[ReturnsModel.Targets],
            last = new double[ReturnsModel.Targets];
        int seen = 0;
        foreach (double[][] block in TrainingSetFile.ReadTargets(parquet))
        {
            int count = Math.Min(block[0].Length, rows - seen);
            if (count <= 0)
                break;
            for (int target = 0; target < sum.Length; target++)
            {
                for (int row = 0; row < count; row++)
                    sum[target] += block[target][row];
                last[target] = block[target][count - 1];
            }

            seen += count;
        }

        return ([.. sum.Select(value => value / seen)], last);
    }

    private static double Error(ReturnsModel model, float[] features, IReadOnlyList<TrainingRow> rows)
    {
        float[] predicted = new float[rows.Count * ReturnsModel.Targets];
        model.Predict(features, predicted);
        return rows.SelectMany(row => row.Targets).Zip(predicted, (actual, guess) => Square(actual - guess)).Sum();
    }

    private static double Square(double value) => value * value;
}
