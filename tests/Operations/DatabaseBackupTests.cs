using Durable.Operations.Backup;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Operations;

public sealed class DatabaseBackupTests : IAsyncLifetime
{
    private readonly string folder = Path.Combine(Directory.CreateTempSubdirectory("durable-backup-").FullName, "dumps");
    private NpgsqlDataSource database = null!;
    private DatabaseBackup backup = null!;

    public async Task InitializeAsync()
    {
        string connection = await PostgresServer.CreateAppDatabaseAsync();
        database = NpgsqlDataSource.Create(connection);
        backup = new(
            new BackupOptions
            {
                ConnectionString = connection,
                Directory = folder,
                Kept = 2,
            },
            TimeProvider.System
        );
    }

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        Directory.Delete(Path.GetDirectoryName(folder)!, recursive: true);
    }

    [Fact]
    public async Task A_backup_is_whole_readable_and_the_oldest_goes()
    {
        List<string> dumps = [];
        for (int i = 0; i < 3; i++)
            dumps.Add(await backup.DumpAsync("climate", ["climate.hazard_cells*"]));

        Assert.Equal(dumps[1..], Directory.GetFiles(folder).Order());
        Assert.Equal("PGDMP"u8.ToArray(), (await File.ReadAllBytesAsync(dumps[2]))[..5]);
        if (OperatingSystem.IsWindows())
            return;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(dumps[2]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
    }

    [Fact]
    public async Task A_cancelled_backup_ends_its_tool_and_leaves_no_file()
    {
        await using NpgsqlConnection holder = await database.OpenConnectionAsync();
        await using NpgsqlTransaction hold = await holder.BeginTransactionAsync();
        await new NpgsqlCommand("LOCK TABLE climate.hazard_cells IN ACCESS EXCLUSIVE MODE", holder).ExecuteNonQueryAsync();
        using CancellationTokenSource cancel = new();
        Task<string> dump = backup.DumpAsync("climate", ["climate.hazard_cells*"], cancel.Token);
        await Eventually.HoldsAsync(async () => await ToolsAsync("AND wait_event_type = 'Lock'") == 1, "pg_dump waits for the table");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dump);
        await hold.RollbackAsync(); // a server process that waits for a lock does not see that its client has gone
        await Eventually.HoldsAsync(async () => await ToolsAsync("") == 0, "pg_dump's session ends");
        Assert.Empty(Directory.GetFiles(folder));
    }

    private async Task<long> ToolsAsync(string condition)
    {
        await using NpgsqlCommand count = database.CreateCommand(
            $"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pg_dump' {condition}"
        );
        return (long)(await count.ExecuteScalarAsync())!;
    }
}
