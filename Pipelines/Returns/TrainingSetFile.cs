using ParquetSharp;

namespace Durable.Pipelines.Returns;

/// <summary>The holdout on which a model is judged, and the baselines it must beat. The split is the script's own, by time.</summary>
/// <param name="TrainRows">Rows before validation and test.</param>
/// <param name="TestRows">The last rows: the holdout.</param>
public sealed record TrainingSplit(int TrainRows, int ValidationRows, int TestRows)
{
    public int TestFrom => TrainRows + ValidationRows;

    /// <summary>70 per cent for training, 10 for validation, the rest for the test; at least one row each.</summary>
    public static TrainingSplit Of(int rows)
    {
        int train = Math.Max(1, (int)(0.7 * rows)),
            validation = Math.Max(1, (int)(0.1 * rows));
        train = Math.Min(train, rows - validation - 1);
        return new TrainingSplit(train, validation, rows - train - validation);
    }
}

/// <summary>A training set as a Parquet file. Row groups of 2,000 rows: neither writer nor reader holds more than one.</summary>
public static class TrainingSetFile
{
    /// <summary>Increases when a column changes; kept in the file under <c>schema_version</c>.</summary>
    public const int SchemaVersion = 1;

    private const int RowGroup = 2000;

    // Order: ts, six targets, base_ts, features.
    private static readonly int FirstTarget = 1,
        BaseTs = FirstTarget + ReturnsShape.Targets.Count,
        Features = BaseTs + 1;

    private static Column[] Columns() =>
        [
            new Column<DateTime>("ts", LogicalType.Timestamp(true, TimeUnit.Micros)),
            .. ReturnsShape.Targets.Select(target => new Column<double>(target)),
            new Column<DateTime>("base_ts", LogicalType.Timestamp(true, TimeUnit.Micros)),
            new Column<float[]>("features"),
        ];

    /// <summary>Writes the rows, and also as <c>.npy</c> if a path is given. The same rows give the same bytes.</summary>
    /// <returns>Rows written.</returns>
    public static async Task<int> WriteAsync(
        string parquet,
        string? npy,
        IAsyncEnumerable<TrainingRow> rows,
        CancellationToken cancellationToken = default
    )
    {
        int written = 0;
        await using NpyRows? array = npy is null ? null : new NpyRows(npy);
        using WriterPropertiesBuilder builder = new();
        using WriterProperties properties = builder.Compression(Compression.Snappy).CreatedBy("durable").Build();
        using ParquetFileWriter file = new(
            parquet,
            Columns(),
            properties,
            new Dictionary<string, string> { ["schema_version"] = $"{SchemaVersion}" }
        );
        List<TrainingRow> group = new(RowGroup);
        await foreach (TrainingRow row in rows.WithCancellation(cancellationToken))
        {
            group.Add(row);
            array?.Add(row);
            written++;
            if (group.Count < RowGroup)
                continue;
            WriteGroup(file, group);
            group.Clear();
        }

        if (group.Count > 0)
            WriteGroup(file, group);
        file.Close();
        return written;
    }

    /// <summary>Number of rows.</summary>
    public static int Count(string parquet)
    {
        using ParquetFileReader file = new(parquet);
        return checked((int)file.FileMetaData.NumRows);
    }

    /// <summary>Targets of every row, in blocks; cheap, because the features are not read.</summary>
    public static IEnumerable<double[][]> ReadTargets(string parquet)
    {
        using ParquetFileReader file = new(parquet);
        for (int group = 0; group < file.FileMetaData.NumRowGroups; group++)
        {
            using RowGroupReader rows = file.RowGroup(group);
            yield return Targets(rows);
        }
    }

    /// <summary>Rows from an index on, in blocks of at most 2,000.</summary>
    public static IEnumerable<IReadOnlyList<TrainingRow>> Read(string parquet, int from = 0)
    {
        using ParquetFileReader file = new(parquet);
        int first = 0;
        for (int group = 0; group < file.FileMetaData.NumRowGroups; group++)
        {
            using RowGroupReader rows = file.RowGroup(group);
            int count = checked((int)rows.MetaData.NumRows),
                skip = Math.Max(0, from - first);
            first += count;
            if (skip >= count)
                continue;
            double[][] targets = Targets(rows);
            DateTime[] times = Column<DateTime>(rows, BaseTs);
            float[][] features = Column<float[]>(rows, Features);
            yield return
            [
                .. Enumerable
                    .Range(skip, count - skip)
                    .Select(i => new TrainingRow(
                        DateTime.SpecifyKind(times[i], DateTimeKind.Utc),
                        features[i],
                        [.. targets.Select(column => column[i])]
                    )),
            ];
        }
    }

    private static double[][] Targets(RowGroupReader rows) =>
        [.. Enumerable.Range(FirstTarget, ReturnsShape.Targets.Count).Select(column => Column<double>(rows, column))];

    private static T[] Column<T>(RowGroupReader rows, int column)
    {
        using LogicalColumnReader<T> reader = rows.Column(column).LogicalReader<T>();
        return reader.ReadAll(checked((int)rows.MetaData.NumRows));
    }

    private static void WriteGroup(ParquetFileWriter file, List<TrainingRow> rows)
    {
        using RowGroupWriter group = file.AppendRowGroup();
        Write(group, rows.Select(row => row.Ts));
        for (int target = 0; target < ReturnsShape.Targets.Count; target++)
            Write(group, rows.Select(row => row.Targets[target]));
        Write(group, rows.Select(row => row.BaseTs));
        Write(group, rows.Select(row => row.Features));
    }

    private static void Write<T>(RowGroupWriter group, IEnumerable<T> values)
    {
        using LogicalColumnWriter<T> writer = group.NextColumn().LogicalWriter<T>();
        writer.WriteBatch(values.ToArray());
    }
}
