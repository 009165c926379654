namespace Durable.Pipelines.Benchmark.Data;

/// <summary>
/// Two classes in 20 columns: 15 informative (two clusters a class, at vertices of a hypercube with side 2, each mixed by its own random
/// matrix), 5 that are combinations of those; 1 % of the labels are flipped; rows and columns are shuffled. 70 % train, 10 % validation, 20
/// % test.
/// </summary>
/// <remarks>
/// The construction of I. Guyon, "Design of experiments for the NIPS 2003 variable selection benchmark", which the original suite used
/// through scikit-learn; the numbers differ because the random stream differs. The same rows and seed give the same bytes.
/// </remarks>
internal static class GeneratedTable
{
    public const int Columns = 20,
        Informative = 15,
        ClustersOfClass = 2;

    private const double Flipped = 0.01;

    public static DataSplit Make(int rows, int seed)
    {
        RandomStream random = new((ulong)seed);
        int clusters = 2 * ClustersOfClass;
        int[] vertices = Vertices(random, clusters);
        double[][] mixes = [.. Enumerable.Range(0, clusters).Select(_ => Uniform(random, Informative * Informative))];
        double[] combinations = Uniform(random, Informative * (Columns - Informative));
        int[] columns = random.Permutation(Columns),
            order = random.Permutation(rows);
        float[] features = new float[rows * Columns];
        int[] labels = new int[rows];
        double[] noise = new double[Informative],
            row = new double[Columns];
        for (int i = 0; i < rows; i++)
        {
            int cluster = i % clusters,
                at = order[i];
            for (int k = 0; k < Informative; k++)
                noise[k] = random.Normal();
            for (int k = 0; k < Informative; k++)
            {
                double value = (vertices[cluster] >> k & 1) == 1 ? 1 : -1;
                for (int j = 0; j < Informative; j++)
                    value += noise[j] * mixes[cluster][(j * Informative) + k];
                row[k] = value;
            }

            for (int k = Informative; k < Columns; k++)
            {
                double value = 0;
                for (int j = 0; j < Informative; j++)
                    value += row[j] * combinations[(j * (Columns - Informative)) + k - Informative];
                row[k] = value;
            }

            for (int k = 0; k < Columns; k++)
                features[(at * Columns) + columns[k]] = (float)row[k];
            labels[at] = random.Next() < Flipped ? (int)(random.Next() * 2) : cluster % 2;
        }

        int train = rows * 7 / 10,
            validation = rows / 10,
            test = rows - train - validation;
        return new DataSplit(
            DataSetNames.Tabular,
            train,
            validation,
            test,
            2,
            new Dictionary<string, byte[]>
            {
                ["train/features.npy"] = Part(features, 0, train),
                ["train/labels.npy"] = NpyFile.Write(labels.AsSpan(0, train), train),
                ["validation/features.npy"] = Part(features, train, validation),
                ["validation/labels.npy"] = NpyFile.Write(labels.AsSpan(train, validation), validation),
                ["test/features.npy"] = Part(features, train + validation, test),
            },
            NpyFile.Write(labels.AsSpan(train + validation, test), test)
        );
    }

    private static byte[] Part(float[] features, int first, int rows) =>
        NpyFile.Write(features.AsSpan(first * Columns, rows * Columns), rows, Columns);

    private static int[] Vertices(RandomStream random, int count)
    {
        HashSet<int> chosen = [];
        while (chosen.Count < count)
            chosen.Add((int)(random.Next() * (1 << Informative)));
        return [.. chosen];
    }

    private static double[] Uniform(RandomStream random, int count)
    {
        double[] values = new double[count];
        for (int i = 0; i < count; i++)
            values[i] = (2 * random.Next()) - 1;
        return values;
    }
}

/// <summary>SplitMix64 (https://prng.di.unimi.it/splitmix64.c, public domain): the same numbers on every machine and runtime.</summary>
internal sealed class RandomStream(ulong seed)
{
    private ulong state = seed;
    private double spare = double.NaN;

    /// <summary>From 0 up to, not including, 1.</summary>
    public double Next()
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return ((z ^ z >> 31) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Normal, mean 0, deviation 1 (Box and Muller).</summary>
    public double Normal()
    {
        if (!double.IsNaN(spare))
        {
            double kept = spare;
            spare = double.NaN;
            return kept;
        }

        double radius = Math.Sqrt(-2 * Math.Log(1 - Next())),
            angle = 2 * Math.PI * Next();
        spare = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }

    /// <summary>0 to n − 1 in random order (Fisher and Yates).</summary>
    public int[] Permutation(int n)
    {
        int[] all = [.. Enumerable.Range(0, n)];
        for (int i = n - 1; i > 0; i--)
        {
            int j = (int)(Next() * (i + 1));
            (all[i], all[j]) = (all[j], all[i]);
        }

        return all;
    }
}
