using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Durable.Tests.Fixtures;

/// <summary>A PostgreSQL server that its owner may stop as a power cut would and start again on the same port and data.</summary>
public sealed class PrivatePostgres : IAsyncDisposable
{
    private readonly string binaries;
    private readonly string home;
    private readonly bool asRoot = Environment.UserName == "root";
    private readonly int port = FreePort();
    private Process? keeper;

    private PrivatePostgres(string binaries, string home)
    {
        this.binaries = binaries;
        this.home = home;
        ConnectionString = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = port,
            Username = "durable",
            Database = "postgres",
            Pooling = false,
        }.ConnectionString;
    }

    /// <summary>Database <c>postgres</c> of the server, without pooling.</summary>
    public string ConnectionString { get; }

    /// <summary>Creates the data and starts the server.</summary>
    /// <exception cref="InvalidOperationException">No server binaries, or the server did not start; the message holds its log.</exception>
    internal static async Task<PrivatePostgres> StartAsync()
    {
        PrivatePostgres server = new(FindBinaries(), Directory.CreateTempSubdirectory("durable-pg-").FullName);
        if (server.asRoot)
            await RunAsync("chown", ["postgres", server.home]);
        await RunAsync(
            server.asRoot,
            [
                $"{server.binaries}/initdb",
                "-D",
                $"{server.home}/data",
                "-U",
                "durable",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ]
        );
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>Starts the server, which recovers from its log, and waits until it takes connections.</summary>
    public async Task StartAgainAsync()
    {
        string postgres =
            $"{binaries}/postgres -D {home}/data -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300"
            + " -c shared_buffers=256MB -c max_wal_size=4GB -c logging_collector=off";
        // The shell waits for its standard input: a word names the signal; the end of it, which comes too when this process is killed,
        // stops the server.
        keeper = Start(
            asRoot,
            [
                "sh",
                "-c",
                $"{postgres} >>{home}/log 2>&1 </dev/null & server=$!; read -r how; kill -${{how:-INT}} $server; wait $server; [ -n \"$how\" ] || rm -rf {home}",
            ]
        );
        await WaitUntilReadyAsync(ConnectionString, Path.Combine(home, "log"));
    }

    /// <summary>Stops the server at once, without a checkpoint: connections break, and the next start recovers.</summary>
    public async Task StopImmediateAsync()
    {
        Process stopping = keeper ?? throw new InvalidOperationException("The server does not run.");
        keeper = null;
        await stopping.StandardInput.WriteLineAsync("QUIT");
        await stopping.StandardInput.FlushAsync();
        await stopping.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        stopping.Dispose();
    }

    /// <summary>Stops the server and removes its data. Safe to call twice.</summary>
    public void Stop()
    {
        if (Interlocked.Exchange(ref keeper, null) is not { } running)
            return;
        running.StandardInput.Close();
        running.WaitForExit(10_000);
        running.Dispose();
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await Task.Run(Stop);
        if (Directory.Exists(home))
            Directory.Delete(home, recursive: true);
    }

    private static string FindBinaries()
    {
        const string Root = "/usr/lib/postgresql";
        string? newest = Directory.Exists(Root)
            ? Directory
                .GetDirectories(Root)
                .OrderByDescending(path =>
                    int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out int version) ? version : 0
                )
                .Select(path => Path.Combine(path, "bin"))
                .FirstOrDefault(path => File.Exists(Path.Combine(path, "initdb")))
            : null;
        return newest
            ?? throw new InvalidOperationException(
                "No PostgreSQL server found under /usr/lib/postgresql. Install postgresql, or set DURABLE_TEST_POSTGRES to a server's connection string."
            );
    }

    /// <summary>A port of 127.0.0.1 that is free now.</summary>
    internal static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task WaitUntilReadyAsync(string connectionString, string logPath)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await using NpgsqlConnection connection = new(connectionString);
                await connection.OpenAsync();
                return;
            }
            catch (NpgsqlException) when (watch.Elapsed < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(50);
            }
            catch (NpgsqlException error)
            {
                string log = File.Exists(logPath) ? await File.ReadAllTextAsync(logPath) : "(no log)";
                throw new InvalidOperationException($"PostgreSQL did not start: {log}", error);
            }
        }
    }

    private static Process Start(bool asPostgres, string[] command)
    {
        string[] all = asPostgres ? ["runuser", "-u", "postgres", "--", .. command] : command;
        ProcessStartInfo start = new(all[0], all[1..]) { RedirectStandardInput = true, WorkingDirectory = "/" };
        return Process.Start(start) ?? throw new InvalidOperationException($"{all[0]} did not start.");
    }

    private static Task RunAsync(bool asPostgres, string[] command) =>
        asPostgres ? RunAsync("runuser", ["-u", "postgres", "--", .. command]) : RunAsync(command[0], command[1..]);

    private static async Task RunAsync(string file, string[] arguments)
    {
        ProcessStartInfo start = new(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = await process.StandardError.ReadToEndAsync();
        await output;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{file} {string.Join(' ', arguments)} failed: {errors}");
    }
}
