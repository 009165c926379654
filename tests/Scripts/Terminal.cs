using System.Diagnostics;

namespace Durable.Tests.Scripts;

/// <summary>Output and exit code of a command line.</summary>
internal sealed record Ran(int ExitCode, string Output, string Error);

/// <summary>Runs bash as a user does, in a folder, with or without a terminal.</summary>
internal static class Terminal
{
    /// <summary>The repository.</summary>
    public static string Root { get; } = FindRoot();

    public static async Task<Ran> BashAsync(string script, string? folder = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        using Process process = Start(script, folder, environment);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new Ran(process.ExitCode, output, await error);
    }

    public static Process Start(string script, string? folder = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new("bash", ["-c", script])
        {
            WorkingDirectory = folder ?? Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException("bash did not start.");
    }

    /// <summary>The same on a pseudo terminal of that many columns; what it drew comes back as one text.</summary>
    public static async Task<Ran> OnTerminalAsync(string command, int columns, IReadOnlyDictionary<string, string>? environment = null)
    {
        Dictionary<string, string> all = new(environment ?? new Dictionary<string, string>())
        {
            ["TERM"] = "xterm-256color",
            ["INNER"] = $"stty cols {columns} rows 50; {command}",
        };
        Ran ran = await BashAsync("script -qec \"$INNER\" /dev/null </dev/null", environment: all);
        return ran with { Output = ran.Output.Replace("\r\n", "\n", StringComparison.Ordinal) };
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Durable.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"No Durable.sln above {AppContext.BaseDirectory}.");
    }
}
