using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Bench;

/// <summary>What a report begins with: enough to take the same measurement again.</summary>
internal static class BenchHeader
{
    /// <param name="bench">What is measured.</param>
    /// <param name="arguments">Of this program.</param>
    public static async Task<string> OfAsync(Bench bench, IReadOnlyList<string> arguments)
    {
        string machine = string.Create(
            CultureInfo.InvariantCulture,
            $"{Processor()}, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:F0} GB, load {Load()}, {RuntimeInformation.FrameworkDescription}"
        );
        if (bench.OnPostgres)
            machine += ", " + await ServerAsync();
        return $"""
            # {bench.Title}, measured {DateTime.UtcNow:yyyy-MM-dd} on {Environment.ProcessorCount} cores

            Commit {Commit()}, `{string.Join(' ', ["dotnet run -c Release --project bench --", .. arguments])}`. {machine}.
            What was measured several times is shown by its median, and a ratio by the median of the rounds' ratios.

            """;
    }

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

    private static string Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1]
        ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string Load() => File.ReadAllText("/proc/loadavg").Split(' ')[0];

    private static async Task<string> ServerAsync()
    {
        await using NpgsqlConnection connection = new(await PostgresServer.CreateDatabaseAsync());
        await connection.OpenAsync();
        await using NpgsqlCommand settings = new(
            """
            SELECT format('PostgreSQL %s with fsync %s, synchronous_commit %s, shared_buffers %s', current_setting('server_version'),
                current_setting('fsync'), current_setting('synchronous_commit'), current_setting('shared_buffers'))
            """,
            connection
        );
        return (string)(await settings.ExecuteScalarAsync())!;
    }
}
