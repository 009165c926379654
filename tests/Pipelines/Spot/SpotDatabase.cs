using System.Collections.Concurrent;
using Durable.Operations.Ledger;
using Durable.Pipelines.Spot;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Durable.Tests.Fixtures;
using Npgsql;

namespace Durable.Tests.Pipelines.Spot;

/// <summary>An in-memory bucket.</summary>
internal sealed class MemoryBucket() : SpotBucket(null!, new SpotOptions { Bucket = "memory" })
{
    private int version;

    public ConcurrentDictionary<string, StoredObject> Objects { get; } = [];

    /// <summary>Runs before each write; may throw.</summary>
    public Action<string> Before { get; set; } = _ => { };

    public override Task<bool> TryCreateAsync(string key, byte[] bytes, CancellationToken cancellationToken = default) =>
        TryReplaceAsync(key, bytes, null, new Dictionary<string, string>(), "", cancellationToken);

    public override Task<bool> TryReplaceAsync(
        string key,
        byte[] bytes,
        string? etag,
        IReadOnlyDictionary<string, string> metadata,
        string contentType,
        CancellationToken cancellationToken = default
    )
    {
        Before(key);
        lock (Objects)
        {
            if (Objects.GetValueOrDefault(key)?.ETag != etag)
                return Task.FromResult(false);
            Objects[key] = new StoredObject(bytes, $"{++version}", metadata);
            return Task.FromResult(true);
        }
    }

    public override Task WriteAsync(string key, byte[] bytes, CancellationToken cancellationToken = default)
    {
        Before(key);
        lock (Objects)
            Objects[key] = new StoredObject(bytes, $"{++version}", new Dictionary<string, string>());
        return Task.CompletedTask;
    }

    public override Task DeleteAsync(string key, CancellationToken cancellationToken = default)
    {
        Before(key);
        Objects.TryRemove(key, out _);
        return Task.CompletedTask;
    }

    public override Task<StoredObject?> ReadAsync(string key, CancellationToken cancellationToken = default) =>
        Task.FromResult(Objects.GetValueOrDefault(key));

    public override Task<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<string>>([
            .. Objects.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal),
        ]);
}

/// <summary>A fresh database with the app's schema, a bucket in memory, and the spot stores on them.</summary>
internal sealed class SpotDatabase : IAsyncDisposable
{
    private SpotDatabase(NpgsqlDataSource source, SpotOptions options)
    {
        (Source, Options) = (source, options);
        Slots = new SlotTable(source);
        History = new MarketHistory(source);
        Store = new SlotStore(source, Bucket, new DataGates(source), options);
        Files = new SpotFiles(Bucket);
    }

    public NpgsqlDataSource Source { get; }
    public SpotOptions Options { get; }
    public MemoryBucket Bucket { get; } = new();
    public SpotFiles Files { get; }
    public SlotTable Slots { get; }
    public MarketHistory History { get; }
    public SlotStore Store { get; }

    public static async Task<SpotDatabase> CreateAsync(SpotOptions? options = null)
    {
        NpgsqlDataSource source = NpgsqlDataSource.Create(await PostgresServer.CreateAppDatabaseAsync());
        return new SpotDatabase(source, options ?? new SpotOptions { Bucket = "memory", MaxRemovedShare = 1 });
    }

    /// <summary>Starts, stages and commits a slot with this observation.</summary>
    public async Task<SlotRow> StoreAsync(SlotTime slot, Observation seen, int asked = 1, params AccountUse[] uses)
    {
        await StageAsync(slot, seen, asked, uses);
        return await Store.CommitAsync(slot);
    }

    public async Task<StageOutcome> StageAsync(SlotTime slot, Observation seen, int asked = 1, params AccountUse[] uses)
    {
        await Slots.BeginAsync(slot, seen.Capacity, "test/" + slot.Text);
        return await Store.StageAsync(
            slot,
            "test/" + slot.Text,
            Options.MaxRemovedShare,
            () => Task.FromResult((seen, new RawHeader("spot.scores/1", slot.Text, 0, [], seen.Capacity, asked, uses)))
        );
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using NpgsqlCommand command = Source.CreateCommand(sql);
        object? value = await command.ExecuteScalarAsync();
        return value is null or DBNull ? default! : (T)value;
    }

    public ValueTask DisposeAsync() => Source.DisposeAsync();
}
