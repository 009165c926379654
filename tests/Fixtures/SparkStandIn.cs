using System.Diagnostics;

namespace Durable.Tests.Fixtures;

/// <summary>The sandbox's Spark.</summary>
internal static class SparkStandIn
{
    /// <summary>The root of the repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The stand-in's folder, itself a Spark home.</summary>
    public static string Home { get; } = Path.Combine(Root, "Sandbox", "spark");

    /// <summary>The stages and the generator.</summary>
    public static string Jobs { get; } = Path.Combine(Root, "Jobs", "pothole");

    /// <summary>What this machine lacks to run it, or null.</summary>
    public static string? Missing { get; } =
        !OnPath("python3") ? "python3"
        : !OnPath("node") ? "node"
        : !Directory.Exists(Path.Combine(Home, "node_modules", "@duckdb", "node-api")) ? "DuckDB: npm ci in Sandbox/spark"
        : null;

    /// <summary>Runs a program of <see cref="Jobs"/> with <c>spark-submit --master local[*]</c> to its end.</summary>
    public static Task<Ran> SubmitAsync(string program, params string[] arguments) =>
        RunAsync(Path.Combine(Home, "bin", "spark-submit"), ["--master", "local[*]", Path.Combine(Jobs, program), .. arguments]);

    /// <summary>Runs a program to its end; <paramref name="environment"/> is added to ours.</summary>
    public static async Task<Ran> RunAsync(
        string file,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null
    )
    {
        using Process process = Start(file, arguments, environment);
        Task<string> output = process.StandardOutput.ReadToEndAsync(),
            error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new Ran(process.ExitCode, await output, await error);
    }

    /// <summary>Starts a program with its standard streams piped. Dispose it, ended.</summary>
    public static Process Start(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
    }

    private static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Durable.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"No Durable.sln above {AppContext.BaseDirectory}.");
    }
}

/// <summary>How a program ended and what it said.</summary>
internal sealed record Ran(int ExitCode, string Output, string Error)
{
    /// <summary>The last line on standard error.</summary>
    public string Reason => Error.TrimEnd().Split('\n')[^1];
}

/// <summary>A test that runs jobs; skipped, by name, where what the stand-in for Spark needs is absent.</summary>
public sealed class SparkFactAttribute : FactAttribute
{
    public SparkFactAttribute() => Skip = SparkStandIn.Missing is { } missing ? $"needs {missing}" : null;
}

/// <summary>As <see cref="SharedDataFactAttribute"/>, and skipped where what the stand-in for Spark needs is absent.</summary>
public sealed class SharedDataSparkFactAttribute : SharedDataFactAttribute
{
    public SharedDataSparkFactAttribute(string path)
        : base(path) => Skip ??= SparkStandIn.Missing is { } missing ? $"needs {missing}" : null;
}

/// <summary>As <see cref="SparkFactAttribute"/>, for theories.</summary>
public sealed class SparkTheoryAttribute : TheoryAttribute
{
    public SparkTheoryAttribute() => Skip = SparkStandIn.Missing is { } missing ? $"needs {missing}" : null;
}
