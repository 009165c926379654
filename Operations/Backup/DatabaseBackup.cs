using System.Diagnostics;
using Durable.Postgres;
using Npgsql;

namespace Durable.Operations.Backup;

/// <summary>Where dumps go and how many are kept.</summary>
public sealed class BackupOptions
{
    /// <summary>Setting <c>PostgresConnection</c>: what to dump. A data source does not reveal its password, so it is given here.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>Setting <c>BackupDirectory</c>. Default <c>.local/backups</c> under the working directory.</summary>
    public string Directory { get; init; } = Path.Combine(".local", "backups");

    /// <summary>Dumps kept per name; older ones are deleted after a new one is complete. Setting <c>BackupsKept</c>, default 3.</summary>
    public int Kept { get; init; } = 3;
}

/// <summary>pg_dump is missing or failed.</summary>
public sealed class BackupFailedException(string reason)
    : Exception($"The backup failed: {reason} Install the PostgreSQL client tools, or start without backup.");

/// <summary>Dumps tables with pg_dump (custom format; restore with pg_restore).</summary>
public sealed class DatabaseBackup(BackupOptions options, TimeProvider clock)
{
    // gzip at its default level would take most of a large dump's time.
    private const string FastCompression = "--compress=1";

    /// <summary>Dumps the tables that match <paramref name="tables"/> (pg_dump patterns) and deletes the oldest dumps with the same
    /// name.</summary>
    /// <returns>Path of the dump.</returns>
    /// <remarks>Safe to run twice: a dump gets its final name only when complete. Cancelling ends pg_dump and leaves no file.</remarks>
    /// <exception cref="BackupFailedException">pg_dump is missing or failed.</exception>
    public async Task<string> DumpAsync(string name, IReadOnlyList<string> tables, CancellationToken cancellationToken = default)
    {
        MakePrivate(options.Directory);
        string path = Path.Combine(options.Directory, $"{name}-{clock.GetUtcNow():yyyyMMddTHHmmssfff}Z.dump");
        NpgsqlConnectionStringBuilder connection = new(options.ConnectionString);
        ProcessStartInfo start = new(FindTool())
        {
            RedirectStandardError = true,
            ArgumentList =
            {
                "--format=custom",
                FastCompression,
                $"--file={path}.part",
                $"--host={connection.Host}",
                $"--port={connection.Port}",
                "--no-password",
                $"--dbname={connection.Database}",
            },
        };
        if (connection.Username is { Length: > 0 } user)
            start.ArgumentList.Add($"--username={user}");
        foreach (string table in tables)
            start.ArgumentList.Add($"--table={table}");
        if (connection.Password is { Length: > 0 } password)
            start.Environment["PGPASSWORD"] = password; // never an argument: every process can see those
        await using (new FileStream($"{path}.part", Private)) { } // pg_dump keeps an existing file's mode
        try
        {
            await RunAsync(start, cancellationToken);
        }
        catch
        {
            File.Delete($"{path}.part");
            throw;
        }

        File.Move($"{path}.part", path);
        foreach (
            string old in Directory.GetFiles(options.Directory, $"{name}-*.dump").OrderDescending(StringComparer.Ordinal).Skip(options.Kept)
        )
            File.Delete(old);
        return path;
    }

    // Other users of the machine must not read the dump either.
    private static FileStreamOptions Private
    {
        get
        {
            FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            return options;
        }
    }

    private static void MakePrivate(string directory)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(directory);
        else
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static async Task RunAsync(ProcessStartInfo start, CancellationToken cancellationToken)
    {
        try
        {
            using Process process = Process.Start(start) ?? throw new BackupFailedException("pg_dump did not start.");
            await using CancellationTokenRegistration end = cancellationToken.Register(process.Kill);
            string errors = await process.StandardError.ReadToEndAsync(CancellationToken.None);
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            if (process.ExitCode != 0)
                throw new BackupFailedException($"pg_dump ended with {process.ExitCode}: {Redaction.Redact(errors)}");
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new BackupFailedException($"{start.FileName}: {error.Message}.");
        }
    }

    // Debian's wrapper in /usr/bin guesses the version from a cluster that may not exist; the real tool does not.
    private static string FindTool()
    {
        const string Root = "/usr/lib/postgresql";
        string? newest = Directory.Exists(Root)
            ? Directory
                .GetDirectories(Root)
                .OrderDescending(StringComparer.Ordinal)
                .Select(path => Path.Combine(path, "bin", "pg_dump"))
                .FirstOrDefault(File.Exists)
            : null;
        return newest ?? "pg_dump";
    }
}
