using System.Diagnostics;
using System.Globalization;
using System.Text;
using Durable.Pipelines.Returns;
using Microsoft.ML.OnnxRuntime;

namespace Durable.Bench;

/// <summary>The returns pipeline's own numbers: forward passes, JSON Lines, and the training set's file, and the memory that takes. In
/// processor time, so that whatever else the machine does is not counted.</summary>
internal static class ReturnsRows
{
    public static async Task RunAsync(BenchTable table, int rows)
    {
        string folder = Directory.CreateTempSubdirectory("bench-returns-").FullName;
        try
        {
            using ReturnsModel model = ReturnsModel.Load(await MakeAsync(folder, [512, 256, 128, 64, 6]));
            float[] features = Unit(new Random(1));
            Single(table, model, features);
            Batch(table, model, features, await MakeAsync(folder, [512, 512]));
            await LinesAsync(table, model, features, rows);
            await ParquetAsync(table, features, rows, Path.Combine(folder, "train.parquet"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Single(BenchTable table, ReturnsModel model, float[] features)
    {
        float[] predicted = new float[ReturnsModel.Targets];
        for (int i = 0; i < 2000; i++)
            model.Predict(features, predicted);
        double[] microseconds = new double[20_000];
        for (int i = 0; i < microseconds.Length; i++)
        {
            long begun = Stopwatch.GetTimestamp();
            model.Predict(features, predicted);
            microseconds[i] = Stopwatch.GetElapsedTime(begun).TotalMicroseconds;
        }

        table.AddAtMost("one prediction, µs (median of 20,000)", microseconds.Order().ElementAt(microseconds.Length / 2), 20);
    }

    /// <summary>The floor: as many multiplications as a row takes, done as one matrix product by the same library on one thread.</summary>
    private static void Batch(BenchTable table, ReturnsModel model, float[] features, byte[] product)
    {
        const int Rows = 1000,
            Times = 300;
        const double OfNetwork = (512 * 256) + (256 * 128) + (128 * 64) + (64 * 6),
            OfProduct = 512 * 512;
        float[] many = [.. Enumerable.Range(0, Rows).SelectMany(_ => features)],
            predicted = new float[Rows * ReturnsModel.Targets];
        model.Predict(many, predicted);
        TimeSpan begun = Processor();
        for (int i = 0; i < Times; i++)
            model.Predict(many, predicted);
        double rate = Rows * Times / (Processor() - begun).TotalSeconds;
        table.AddRate("predictions a processor second, batches of 1,000", Samples.Of(rate), 300_000);

        using SessionOptions oneThread = new() { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using InferenceSession session = new(product, oneThread);
        using RunOptions run = new();
        using OrtValue input = OrtValue.CreateTensorValueFromMemory(many, [Rows, 512]),
            output = OrtValue.CreateTensorValueFromMemory(new float[Rows * 512], [Rows, 512]);
        session.Run(run, ["features"], [input], ["returns"], [output]);
        begun = Processor();
        for (int i = 0; i < Times; i++)
            session.Run(run, ["features"], [input], ["returns"], [output]);
        double floor = Rows * Times / (Processor() - begun).TotalSeconds * OfProduct / OfNetwork;
        table.AddRatio("the same", Samples.Of(rate), new("one matrix product of as many multiplications", Samples.Of(floor)), 0.5);
    }

    private static async Task LinesAsync(BenchTable table, ReturnsModel model, float[] features, int rows)
    {
        string Half(int from) =>
            string.Join(',', features.Skip(from).Take(256).Select(value => value.ToString("R", CultureInfo.InvariantCulture)));
        byte[] line = Encoding.UTF8.GetBytes(
            $$"""{"base_ts": "2025-12-23T08:00:00Z", "embedding_a": [{{Half(0)}}], "embedding_b": [{{Half(256)}}]}""" + "\n"
        );
        long before = Memory();
        TimeSpan begun = Processor();
        (long predicted, long bad) = await JsonLines.PredictAsync(new Repeated(line, rows), Stream.Null, model);
        double seconds = (Processor() - begun).TotalSeconds;
        if ((predicted, bad) != (rows, 0))
            throw new InvalidOperationException($"{predicted} predicted, {bad} bad");
        table.AddAtMost($"{rows:N0} JSON lines ({(long)line.Length * rows >> 20:N0} MB), processor s", seconds, 120.0 * rows / 1_000_000);
        table.AddAtMost("memory that takes, MB", (Memory() - before) / 1048576.0, 200);
    }

    private static async Task ParquetAsync(BenchTable table, float[] features, int rows, string path)
    {
        DateTime start = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        long before = Memory();
        TimeSpan begun = Processor();
        await TrainingSetFile.WriteAsync(path, null, RowsAsync());
        table.AddAtMost(
            $"{rows:N0} rows to Parquet ({new FileInfo(path).Length >> 20:N0} MB), processor s",
            (Processor() - begun).TotalSeconds,
            60.0 * rows / 1_000_000
        );
        table.AddAtMost("memory that takes, MB", (Memory() - before) / 1048576.0, 300);

        async IAsyncEnumerable<TrainingRow> RowsAsync()
        {
            Random random = new(1);
            for (int row = 0; row < rows; row++)
            {
                float[] own = [.. features];
                for (int i = 0; i < own.Length; i++)
                    own[i] += (float)random.NextDouble() * 1e-3f; // so that nothing compresses by being the same
                yield return new TrainingRow(start.AddMinutes(10 * row), own, [0, 0.1, 0.2, 0.3, 0.4, -0.4]);
            }

            await Task.CompletedTask;
        }
    }

    /// <summary>A network of these layers with random weights; numpy is enough to write one.</summary>
    private static async Task<byte[]> MakeAsync(string folder, int[] sizes)
    {
        string path = Path.Combine(folder, "model.onnx");
        using Process python = Process.Start(
            "/usr/bin/python3",
            [
                "-c",
                $"""
                import sys, numpy
                sys.path.insert(0, {"'" + Path.Combine(AppContext.BaseDirectory, "Jobs") + "'"})
                from training import onnx_file
                random, layers, sizes = numpy.random.default_rng(1), [], [{string.Join(", ", sizes)}]
                for rows, columns in zip(sizes[1:], sizes):
                    layers += [("linear", random.normal(size=(rows, columns)) / columns ** 0.5, numpy.zeros(rows)), ("relu",)]
                onnx_file.write({"'" + path + "'"}, layers[:-1], sizes[0], sizes[-1])
                """,
            ]
        )!;
        await python.WaitForExitAsync();
        return python.ExitCode == 0
            ? await File.ReadAllBytesAsync(path)
            : throw new InvalidOperationException("The network could not be written: is python3-numpy installed?");
    }

    private static float[] Unit(Random random)
    {
        double[] values = [.. Enumerable.Range(0, ReturnsShape.Features).Select(_ => (random.NextDouble() * 2) - 1)];
        double a = Math.Sqrt(values.Take(ReturnsShape.Half).Sum(x => x * x)),
            b = Math.Sqrt(values.Skip(ReturnsShape.Half).Sum(x => x * x));
        return [.. values.Select((x, i) => (float)(x / (i < ReturnsShape.Half ? a : b)))];
    }

    private static TimeSpan Processor() => Process.GetCurrentProcess().TotalProcessorTime;

    private static long Memory() => Process.GetCurrentProcess().PeakWorkingSet64;

    /// <summary>The same line many times over, made as it is read.</summary>
    private sealed class Repeated(byte[] line, int times) : Stream
    {
        private long at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => at;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int from = (int)(at % line.Length),
                given = (int)Math.Min(Math.Min(count, line.Length - from), ((long)line.Length * times) - at);
            Array.Copy(line, from, buffer, offset, given);
            at += given;
            return given;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
