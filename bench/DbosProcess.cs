using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;

namespace Durable.Bench;

/// <summary>DBOS Transact in a Node.js of its own: <c>dbos/bench.mjs</c>, asked line by line.</summary>
internal sealed class DbosProcess : IAsyncDisposable
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "dbos");

    private readonly Process node;

    private DbosProcess(Process node, JsonElement ready)
    {
        this.node = node;
        Version = ready.GetProperty("dbos").GetString()!;
        NodeVersion = ready.GetProperty("node").GetString()!;
    }

    public string Version { get; }

    public string NodeVersion { get; }

    /// <summary>Installs the pinned packages beside the script when they are not there yet, and launches DBOS.</summary>
    /// <exception cref="InvalidOperationException">Node.js is missing, npm failed, or DBOS did not start.</exception>
    public static async Task<DbosProcess> StartAsync(string connection)
    {
        FileInfo installed = new(Path.Combine(Folder, "node_modules", ".package-lock.json"));
        if (!installed.Exists || installed.LastWriteTimeUtc < File.GetLastWriteTimeUtc(Path.Combine(Folder, "package-lock.json")))
        {
            using Process npm = Start("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
            await npm.StandardOutput.ReadToEndAsync();
            await npm.WaitForExitAsync();
            if (npm.ExitCode != 0)
                throw new InvalidOperationException("npm ci of DBOS Transact failed: it needs a registry of npm packages.");
        }

        Process node = Start("node", ["--no-deprecation", "bench.mjs"], Url(connection));
        return new DbosProcess(node, await ReadAsync(node));
    }

    /// <summary>Runs <paramref name="bench"/> of the script with <paramref name="count"/> steps or workflows; how many a second.</summary>
    public async Task<double> RateAsync(string bench, int count)
    {
        await node.StandardInput.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{bench} {count}"));
        return count / (await ReadAsync(node)).GetProperty("seconds").GetDouble();
    }

    public async ValueTask DisposeAsync()
    {
        node.StandardInput.Close(); // it shuts down
        if (!node.WaitForExit(5000))
            node.Kill();
        await node.WaitForExitAsync();
        node.Dispose();
    }

    private static async Task<JsonElement> ReadAsync(Process node) =>
        JsonSerializer.Deserialize<JsonElement>(
            await node.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("DBOS Transact ended; its error is above.")
        );

    private static Process Start(string program, string[] arguments, string url = "")
    {
        try
        {
            return Process.Start(
                new ProcessStartInfo(program, arguments)
                {
                    WorkingDirectory = Folder,
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                    Environment = { ["DBOS_SYSTEM_DATABASE_URL"] = url },
                }
            )!;
        }
        catch (Win32Exception error)
        {
            throw new InvalidOperationException($"{program} does not start: --dbos needs Node.js 20 or later and npm.", error);
        }
    }

    private static string Url(string connection)
    {
        NpgsqlConnectionStringBuilder server = new(connection);
        string user = Uri.EscapeDataString(server.Username!);
        string password = server.Password is { Length: > 0 } given ? ":" + Uri.EscapeDataString(given) : "";
        return string.Create(CultureInfo.InvariantCulture, $"postgresql://{user}{password}@{server.Host}:{server.Port}/{server.Database}");
    }
}
