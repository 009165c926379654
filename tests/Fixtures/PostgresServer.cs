using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Durable.Tests.Fixtures;

/// <summary>
/// One real PostgreSQL server per test run: started on first use, on a free port of 127.0.0.1, with <c>fsync</c> on, and stopped with the
/// test process (even when that is killed: the server hangs on a pipe that closes with it). Each caller gets a database of its own.
/// </summary>
/// <remarks>
/// <c>DURABLE_TEST_POSTGRES</c> = connection string of a running server (a role that may create databases) is used instead when set.
/// Otherwise the newest <c>/usr/lib/postgresql/*/bin</c> is started, as user <c>postgres</c> when the tests run as root, which it refuses.
/// </remarks>
public static class PostgresServer
{
    private static readonly Lazy<Task<string>> Server = new(StartAsync);

    /// <summary>Creates an empty database and returns its connection string. Safe to call in parallel.</summary>
    /// <exception cref="InvalidOperationException">No server binaries, or the server did not start; the message holds its log.</exception>
    public static async Task<string> CreateDatabaseAsync()
    {
        string server = await Server.Value;
        string name = "test_" + Guid.NewGuid().ToString("N");
        await using NpgsqlConnection connection = new(server);
        await connection.OpenAsync();
        await using NpgsqlCommand create = new($"CREATE DATABASE {name} TEMPLATE template0", connection);
        await create.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(server) { Database = name, MaxPoolSize = 40 }.ConnectionString;
    }

    private static async Task<string> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("DURABLE_TEST_POSTGRES") is { Length: > 0 } running) return running;

        string binaries = FindBinaries();
        string home = Directory.CreateTempSubdirectory("durable-pg-").FullName;
        string data = Path.Combine(home, "data");
        bool asRoot = Environment.UserName == "root";
        if (asRoot) await RunAsync("chown", ["postgres", home]);
        await RunAsync(asRoot, [$"{binaries}/initdb", "-D", data, "-U", "durable", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);

        int port = FreePort();
        string postgres = $"{binaries}/postgres -D {data} -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300"
            + " -c shared_buffers=256MB -c max_wal_size=4GB -c logging_collector=off";
        // The shell waits for its standard input to end, which also happens when this process is killed, then stops the server.
        Process keeper = Start(asRoot, ["sh", "-c", $"{postgres} >{home}/log 2>&1 </dev/null & server=$!; read -r _; kill -INT $server; wait $server; rm -rf {home}"]);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop(keeper);

        string connectionString = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1", Port = port, Username = "durable", Database = "postgres", Pooling = false,
        }.ConnectionString;
        await WaitUntilReadyAsync(connectionString, Path.Combine(home, "log"));
        return new NpgsqlConnectionStringBuilder(connectionString) { Pooling = true }.ConnectionString;
    }

    private static string FindBinaries()
    {
        const string Root = "/usr/lib/postgresql";
        string? newest = Directory.Exists(Root)
            ? Directory.GetDirectories(Root)
                .OrderByDescending(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out int version) ? version : 0)
                .Select(path => Path.Combine(path, "bin"))
                .FirstOrDefault(path => File.Exists(Path.Combine(path, "initdb")))
            : null;
        return newest ?? throw new InvalidOperationException(
            "No PostgreSQL server found under /usr/lib/postgresql. Install postgresql, or set DURABLE_TEST_POSTGRES to a server's connection string.");
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task WaitUntilReadyAsync(string connectionString, string logPath)
    {
        for (Stopwatch watch = Stopwatch.StartNew(); ;)
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

    private static void Stop(Process keeper)
    {
        keeper.StandardInput.Close();
        keeper.WaitForExit(10_000);
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
        ProcessStartInfo start = new(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = await process.StandardError.ReadToEndAsync();
        await output;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{file} {string.Join(' ', arguments)} failed: {errors}");
    }
}
