using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace Durable.Bench;

/// <summary>The floor: commits per second of the same server by its own pgbench (simple-update script: one update, one insert, one
/// commit).</summary>
internal static partial class PgBench
{
    /// <summary>Fills the tables pgbench needs.</summary>
    public static Task PrepareAsync(NpgsqlConnectionStringBuilder server) => RunAsync(server, ["-i", "-q", "-s", "5"]);

    /// <summary>Commits per second of <paramref name="clients"/> clients over <paramref name="seconds"/> seconds.</summary>
    public static async Task<double> CommitsPerSecondAsync(NpgsqlConnectionStringBuilder server, int clients, int seconds)
    {
        string output = await RunAsync(
            server,
            [
                "-N",
                "-n",
                "-M",
                "prepared",
                "-c",
                clients.ToString(CultureInfo.InvariantCulture),
                "-j",
                "2",
                "-T",
                seconds.ToString(CultureInfo.InvariantCulture),
            ]
        );
        return double.Parse(Tps().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private static async Task<string> RunAsync(NpgsqlConnectionStringBuilder server, string[] arguments)
    {
        string pgbench = Directory
            .GetDirectories("/usr/lib/postgresql")
            .Order(StringComparer.Ordinal)
            .Select(d => Path.Combine(d, "bin", "pgbench"))
            .Last(File.Exists);
        ProcessStartInfo start = new(pgbench) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (
            string argument in (string[])
                [
                    .. arguments,
                    "-h",
                    server.Host!,
                    "-p",
                    server.Port.ToString(CultureInfo.InvariantCulture),
                    "-U",
                    server.Username!,
                    server.Database!,
                ]
        )
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"pgbench ended with {process.ExitCode}: {await errors}");
    }

    [GeneratedRegex(@"tps = ([0-9.]+)")]
    private static partial Regex Tps();
}
