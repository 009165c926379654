using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Durable.Pipelines.Returns;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Pipelines.Returns;

/// <summary>Rows, source tables and one trained model that many tests share.</summary>
internal static class ReturnsSample
{
    public static readonly DateTime Newest = new(2025, 12, 23, 8, 0, 0, DateTimeKind.Utc);

    private static readonly Lazy<Task<TrainedSample>> Trained = new(TrainAsync);

    /// <summary>A model trained by the script on 400 learnable rows, with the folder it wrote and its archive. Trained once for all
    /// tests.</summary>
    public static Task<TrainedSample> ModelAsync() => Trained.Value;

    /// <summary>Learnable rows: the first strategies' returns are a fixed function of the features.</summary>
    public static IEnumerable<TrainingRow> Rows(int count, int seed = 1, double noise = 0.02)
    {
        Random random = new(seed);
        for (int row = 0; row < count; row++)
        {
            float[] features = Unit(random);
            double[] targets =
            [
                .. Enumerable
                    .Range(0, 6)
                    .Select(target =>
                        target == 0
                            ? 0
                            : Enumerable
                                .Range(0, ReturnsShape.Features)
                                .Sum(i => features[i] * 0.3 * Math.Sin((i * (0.7 + target)) + target))
                                + (noise * (random.NextDouble() - 0.5))
                    ),
            ];
            yield return new TrainingRow(Newest.AddMinutes(-10 * (count - 1 - row)), features, targets);
        }
    }

    /// <summary>Two halves of length 1.</summary>
    public static float[] Unit(Random random)
    {
        double[] values = [.. Enumerable.Range(0, ReturnsShape.Features).Select(_ => (random.NextDouble() * 2) - 1)];
        double a = Math.Sqrt(values.Take(256).Sum(x => x * x)),
            b = Math.Sqrt(values.Skip(256).Sum(x => x * x));
        return [.. values.Select((x, i) => (float)(x / (i < 256 ? a : b)))];
    }

    public static async IAsyncEnumerable<T> Async<T>(
        IEnumerable<T> items,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        foreach (T item in items)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return item;
        }

        await Task.CompletedTask;
    }

    /// <summary>The upstream tables with rows up to <see cref="Newest"/>, in a database.</summary>
    public static async Task SourceAsync(
        NpgsqlDataSource database,
        int rows,
        double seed = 0.1,
        DateTime? newest = null,
        bool outcomes = true
    )
    {
        await using (
            NpgsqlCommand tables = database.CreateCommand(
                await File.ReadAllTextAsync(Path.Combine(SparkStandIn.Root, "Sandbox", "returns", "sample.sql"))
            )
        )
            await tables.ExecuteNonQueryAsync();
        await using NpgsqlCommand fill = database.CreateCommand("SELECT returns_sample($1, $2, $3, $4)");
        foreach (object value in (object[])[rows, seed, newest ?? Newest, outcomes])
            fill.Parameters.Add(new() { Value = value });
        await fill.ExecuteNonQueryAsync();
    }

    /// <summary>Runs the training script on a folder.</summary>
    public static async Task<(int ExitCode, string Output)> RunScriptAsync(string folder, params string[] arguments)
    {
        ProcessStartInfo start = new("/usr/bin/python3", [Path.Combine(SparkStandIn.Root, "Jobs", "returns", "train.py"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["SM_CHANNEL_TRAIN"] = folder,
                ["SM_MODEL_DIR"] = Path.Combine(folder, "model"),
                ["SM_OUTPUT_DATA_DIR"] = Path.Combine(folder, "output", "data"),
                ["SM_OUTPUT_DIR"] = Path.Combine(folder, "output"),
                ["OPENBLAS_NUM_THREADS"] = "1",
                ["OMP_NUM_THREADS"] = "1",
                ["PYTHONDONTWRITEBYTECODE"] = "1",
            },
        };
        return await EndAsync(start);
    }

    /// <summary>Runs a few lines of Python in a folder.</summary>
    public static Task<(int ExitCode, string Output)> PythonAsync(string folder, string code) =>
        EndAsync(
            new ProcessStartInfo("/usr/bin/python3", ["-c", code])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = folder,
                Environment = { ["OPENBLAS_NUM_THREADS"] = "1" },
            }
        );

    private static async Task<(int ExitCode, string Output)> EndAsync(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(),
            error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));
        return (process.ExitCode, await output + await error);
    }

    private static async Task<TrainedSample> TrainAsync()
    {
        string folder = Directory.CreateTempSubdirectory("returns-model-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string parquet = Path.Combine(folder, "train.parquet");
        TrainingRow[] rows = [.. Rows(400)];
        await TrainingSetFile.WriteAsync(parquet, Path.Combine(folder, "train.npy"), Async(rows));
        (int code, string output) = await RunScriptAsync(
            folder,
            "--epochs",
            "30",
            "--train-uri",
            "s3://bucket/train.parquet",
            "--lr",
            "0.003"
        );
        Assert.True(code == 0, output);
        return new TrainedSample(
            folder,
            parquet,
            rows,
            Pack(Path.Combine(folder, "model")),
            JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync(Path.Combine(folder, "output", "data", "metrics.json")))
        );
    }

    /// <summary>A folder as SageMaker packs it.</summary>
    public static byte[] Pack(string folder)
    {
        using MemoryStream bytes = new();
        using (System.IO.Compression.GZipStream gzip = new(bytes, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
            System.Formats.Tar.TarFile.CreateFromDirectory(folder, gzip, includeBaseDirectory: false);
        return bytes.ToArray();
    }
}

/// <summary>A trained model.</summary>
internal sealed record TrainedSample(string Folder, string Parquet, IReadOnlyList<TrainingRow> Rows, byte[] Archive, JsonElement Metrics)
{
    public byte[] Onnx => ModelArchive.Read(Archive).Onnx;
}

/// <summary>A test that trains; skipped, by name, where Debian's PyTorch is absent.</summary>
internal sealed class TorchFactAttribute : FactAttribute
{
    internal static readonly string? WhyNot = Directory.Exists("/usr/lib/python3/dist-packages/torch")
        ? null
        : "needs python3-torch (./test installs it as root)";

    public TorchFactAttribute() => Skip = WhyNot;
}

/// <inheritdoc cref="TorchFactAttribute"/>
internal sealed class TorchTheoryAttribute : TheoryAttribute
{
    public TorchTheoryAttribute() => Skip = TorchFactAttribute.WhyNot;
}
