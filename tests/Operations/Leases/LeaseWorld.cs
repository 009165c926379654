using Durable.Operations.Leases;
using Durable.Operations.Notifications;
using Durable.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Durable.Tests.Operations.Leases;

/// <summary>Leases on a database of their own, over machines in memory.</summary>
internal sealed class LeaseWorld : IAsyncDisposable
{
    private LeaseWorld(NpgsqlDataSource database, CostGuardOptions options)
    {
        Database = database;
        Keeper = new LeaseKeeper(database, [Machines], options);
        Outbox = new NotificationOutbox(database);
        Reaper = new LeaseReaper(database, Keeper, Outbox, NullLogger<LeaseReaper>.Instance);
    }

    public NpgsqlDataSource Database { get; }

    public FakeMachines Machines { get; } = new();

    public LeaseKeeper Keeper { get; }

    public NotificationOutbox Outbox { get; }

    public LeaseReaper Reaper { get; }

    /// <summary>How orchestration instances ended; the others live.</summary>
    public Dictionary<string, string> Ended { get; } = [];

    public static async Task<LeaseWorld> CreateAsync(CostGuardOptions? options = null)
    {
        NpgsqlDataSource database = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
        return new LeaseWorld(database, options ?? new CostGuardOptions());
    }

    public static ClusterRequest Cluster(string run, string cluster = "spark", string[]? machines = null, double hours = 1) =>
        new("ec2", cluster, run, machines ?? ["i-1", "i-2"], TimeSpan.FromHours(hours));

    public Task<LeaseTurn> TakeAsync(ClusterRequest cluster) => Keeper.TakeAsync(new LeaseRequest(cluster.RunId.Split('/')[0], cluster));

    /// <summary>A granted lease whose machines run.</summary>
    public async Task<string> HoldAsync(string run, string cluster = "spark", string[]? machines = null)
    {
        LeaseTurn turn = await TakeAsync(Cluster(run, cluster, machines));
        Assert.True(turn.Granted);
        await Keeper.StartAsync(turn.LeaseId);
        return turn.LeaseId;
    }

    public Task<LeaseReceipt> StopAsync(string lease, bool force = false) => Keeper.StopAsync(lease, force, LeaseCloser.Run);

    public Task<ReaperRound> ReapAsync() => Reaper.ReapAsync((instance, _) => Task.FromResult(Ended.GetValueOrDefault(instance)));

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using NpgsqlCommand command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using NpgsqlCommand command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync() => await Database.DisposeAsync();
}
