namespace Durable.Pipelines.Benchmark.Results;

/// <summary>A model's scores on held-out rows. All shares are from 0 to 1.</summary>
/// <param name="Precision">Of class 1 with two classes; else the unweighted mean over the classes.</param>
/// <param name="Recall">As precision.</param>
/// <param name="F1">Harmonic mean of precision and recall of class 1, or its mean over the classes.</param>
/// <param name="Loss">Mean of −ln p(right class), p at least 1e-7.</param>
/// <param name="Confusion">Rows are true classes, columns predicted ones.</param>
public sealed record ModelScores(
    double Accuracy,
    double Precision,
    double Recall,
    double F1,
    double Loss,
    IReadOnlyList<IReadOnlyList<int>> Confusion
);

/// <summary>Computes scores from the job's probabilities and labels it never saw.</summary>
internal static class Scoring
{
    private const double LeastProbability = 1e-7,
        SumTolerance = 1e-3;

    /// <exception cref="ModelOutputException">The probabilities are invalid, or not those of the test rows.</exception>
    public static ModelScores Of(float[] probabilities, int rows, int columns, int[] labels)
    {
        int classes = labels.Max() + 1;
        if (rows != labels.Length)
            throw new ModelOutputException($"the job scored {rows} rows, the test set has {labels.Length}");
        if (columns < classes)
            throw new ModelOutputException($"the scores have {columns} classes, the labels {classes}");
        int[,] confusion = new int[columns, columns];
        double loss = 0;
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<float> line = probabilities.AsSpan(row * columns, columns);
            double sum = 0;
            int best = 0;
            for (int column = 0; column < columns; column++)
            {
                if (!(line[column] is >= -1e-6f and <= 1.000001f))
                    throw new ModelOutputException(FormattableString.Invariant($"row {row} has {line[column]} as a probability"));
                sum += line[column];
                if (line[column] > line[best])
                    best = column;
            }

            if (Math.Abs(sum - 1) > SumTolerance)
                throw new ModelOutputException(FormattableString.Invariant($"the probabilities of row {row} add up to {sum:G6}"));
            confusion[labels[row], best]++;
            loss -= Math.Log(Math.Max(line[labels[row]], LeastProbability));
        }

        int[] counted = columns == 2 ? [1] : [.. Enumerable.Range(0, columns)];
        double precision = 0,
            recall = 0,
            f1 = 0;
        int right = Enumerable.Range(0, columns).Sum(c => confusion[c, c]);
        foreach (int c in counted)
        {
            int hit = confusion[c, c],
                said = Enumerable.Range(0, columns).Sum(t => confusion[t, c]),
                are = Enumerable.Range(0, columns).Sum(p => confusion[c, p]);
            double p = Share(hit, said),
                r = Share(hit, are);
            precision += p / counted.Length;
            recall += r / counted.Length;
            f1 += (p + r == 0 ? 0 : 2 * p * r / (p + r)) / counted.Length;
        }

        return new ModelScores(
            Share(right, rows),
            precision,
            recall,
            f1,
            loss / rows,
            [
                .. Enumerable
                    .Range(0, columns)
                    .Select(t => (IReadOnlyList<int>)[.. Enumerable.Range(0, columns).Select(p => confusion[t, p])]),
            ]
        );
    }

    private static double Share(int part, int whole) => whole == 0 ? 0 : (double)part / whole;
}
