using System.Diagnostics;
using System.Text.Json;
using Durable.Pipelines.Benchmark;
using Durable.Pipelines.Benchmark.Data;
using Durable.Pipelines.Benchmark.Results;
using Durable.Tests.Fixtures;

namespace Durable.Tests.Jobs.Benchmark;

/// <summary>A test that trains: skipped, by name, where the interpreter of jobs lacks the framework.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TrainingFactAttribute : FactAttribute
{
    public TrainingFactAttribute(string module)
    {
        if (!TrainingScripts.Has(module))
            Skip = $"needs {module} for {TrainingScripts.Python}";
    }
}

/// <inheritdoc cref="TrainingFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TrainingTheoryAttribute : TheoryAttribute
{
    public TrainingTheoryAttribute(string module)
    {
        if (!TrainingScripts.Has(module))
            Skip = $"needs {module} for {TrainingScripts.Python}";
    }
}

/// <summary>Runs a training script on this machine, as SageMaker's script mode would.</summary>
internal static class TrainingScripts
{
    private static readonly Dictionary<string, bool> Known = [];

    public static string Python => Environment.GetEnvironmentVariable("SANDBOX_JOB_PYTHON") ?? "/usr/bin/python3";

    /// <summary>Whether jobs have a module; <c>lightgbm</c> may also be the C library.</summary>
    public static bool Has(string module)
    {
        lock (Known)
        {
            if (!Known.TryGetValue(module, out bool has))
            {
                bool library = module == "lightgbm" && File.Exists(Environment.GetEnvironmentVariable("LIGHTGBM_LIBRARY"));
                Known[module] = has =
                    File.Exists(Python)
                    && Exit(
                        Process.Start(
                            new ProcessStartInfo(Python, ["-c", library ? "import numpy" : $"import numpy, {module}"])
                            {
                                RedirectStandardError = true,
                            }
                        )!
                    ) == 0;
            }

            return has;
        }
    }

    /// <summary>Writes a data set's channels below a folder.</summary>
    public static string Write(DataSplit data, string folder, Func<string, byte[], byte[]>? change = null)
    {
        foreach ((string name, byte[] content) in data.Files)
        {
            string path = Path.Combine(folder, "input", name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, change?.Invoke(name, content) ?? content);
        }

        return folder;
    }

    /// <summary>Runs a script on the channels below a folder.</summary>
    public static async Task<ScriptRun> RunAsync(
        string script,
        string folder,
        string output = "out",
        IReadOnlyDictionary<string, string>? environment = null,
        params string[] arguments
    )
    {
        string at = Path.Combine(folder, output);
        string[] channels = [.. Directory.GetDirectories(Path.Combine(folder, "input")).Select(path => Path.GetFileName(path)!)];
        ProcessStartInfo start = new(Python, [script, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        start.Environment["PYTHONPATH"] = Path.Combine(SparkStandIn.Root, "Jobs", "training");
        (string, string)[] container =
        [
            ("SM_MODEL_DIR", Path.Combine(at, "model")),
            ("SM_OUTPUT_DATA_DIR", Path.Combine(at, "data")),
            ("SM_OUTPUT_DIR", at),
            ("SM_CHANNELS", JsonSerializer.Serialize(channels)),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("OPENBLAS_NUM_THREADS", "1"),
        ];
        foreach ((string name, string value) in container)
            start.Environment[name] = value;
        foreach (string channel in channels)
            start.Environment[$"SM_CHANNEL_{channel.ToUpperInvariant()}"] = Path.Combine(folder, "input", channel);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> said = process.StandardOutput.ReadToEndAsync(),
            complained = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new ScriptRun(process.ExitCode, at, await said + await complained);
    }

    public static string ScriptOf(string model) => Path.Combine(SparkStandIn.Root, "Jobs", "benchmark", BenchmarkModels.Get(model).Script);

    private static int Exit(Process process)
    {
        using (process)
        {
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode;
        }
    }
}

/// <summary>What a script left.</summary>
internal sealed record ScriptRun(int ExitCode, string Folder, string Log)
{
    public TrainingReport Report => TrainingReport.Read(File.ReadAllBytes(Path.Combine(Folder, "data", "metrics.json")));

    public string Failure => File.ReadAllText(Path.Combine(Folder, "failure"));

    public ModelScores ScoresOn(byte[] heldOut)
    {
        (float[] values, int rows, int columns) = NpyFile.ReadMatrix(File.ReadAllBytes(Path.Combine(Folder, "data", "scores.npy")));
        return Scoring.Of(values, rows, columns, NpyFile.ReadVector(heldOut));
    }

    public byte[] Model(string name) => File.ReadAllBytes(Path.Combine(Folder, "model", name));
}
