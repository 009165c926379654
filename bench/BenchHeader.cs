using System.Diagnostics;
using System.Globalization;

namespace Durable.Bench;

/// <summary>What a report begins with: enough to take the same measurement again.</summary>
internal static class BenchHeader
{
    /// <param name="title">Of the report.</param>
    /// <param name="arguments">Of this program.</param>
    public static string Of(string title, IReadOnlyList<string> arguments) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            # {title}, measured {DateTime.UtcNow:yyyy-MM-dd} on {Environment.ProcessorCount} cores, fsync on

            Commit {Commit()}, `dotnet run -c Release --project bench -- {string.Join(
                ' ',
                arguments
            )}`. What was measured several times is shown by its median.

            """
        );

    private static string Commit()
    {
        try
        {
            return Git("rev-parse --short HEAD") + (Git("status --porcelain --untracked-files=no").Length > 0 ? " with changes" : "");
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return "unknown";
        }
    }

    private static string Git(string arguments)
    {
        using Process git = Process.Start(
            new ProcessStartInfo("git", arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        string output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        return git.ExitCode == 0 ? output.Trim() : throw new InvalidOperationException($"git {arguments}: {git.ExitCode}");
    }
}
