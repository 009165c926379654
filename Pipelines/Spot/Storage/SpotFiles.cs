using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Packing;

namespace Durable.Pipelines.Spot.Storage;

/// <summary>A day's questions as stored in its file.</summary>
public sealed record Workload(DateOnly Day, IReadOnlyList<PlacementQuery> Queries)
{
    public IReadOnlyList<string> Regions => [.. Queries.SelectMany(query => query.Regions).Distinct().Order(StringComparer.Ordinal)];
}

/// <summary>Reads and writes each kind of raw file. An existing file is kept: a second run of a step reads what the first one
/// saw.</summary>
public sealed class SpotFiles(SpotBucket bucket)
{
    private const string ScoreSchema = "spot.scores/1",
        InterruptionSchema = "spot.interruptions/1",
        SpotSchema = "spot.prices/1",
        OnDemandSchema = "spot.on-demand/1",
        WorkloadSchema = "spot.workload/1";

    public Task<(RawHeader Header, List<ZoneScore> Rows)?> ReadScoresAsync(string key, CancellationToken cancellationToken) =>
        ReadAsync<ZoneScore>(key, ScoreSchema, cancellationToken);

    public Task<bool> WriteScoresAsync(
        string key,
        SlotTime slot,
        int capacity,
        IReadOnlyList<ZoneScore> rows,
        IReadOnlyList<Unknown> unknown,
        IReadOnlyList<AccountUse> uses,
        int asked,
        CancellationToken cancellationToken
    ) =>
        bucket.TryCreateAsync(
            key,
            RawFile.Write(new RawHeader(ScoreSchema, slot.Text, rows.Count, unknown, capacity, asked, uses), rows),
            cancellationToken
        );

    public async Task<Feed<InterruptionRate>?> ReadInterruptionsAsync(SlotTime slot, CancellationToken cancellationToken) =>
        Feed(await ReadAsync<InterruptionRate>(SpotKeys.Interruptions(slot), InterruptionSchema, cancellationToken));

    public Task<bool> WriteInterruptionsAsync(SlotTime slot, Feed<InterruptionRate> feed, CancellationToken cancellationToken) =>
        WriteAsync(SpotKeys.Interruptions(slot), InterruptionSchema, slot.Text, feed, cancellationToken);

    public async Task<Feed<SpotQuote>?> ReadSpotPricesAsync(SlotTime slot, CancellationToken cancellationToken) =>
        Feed(await ReadAsync<SpotQuote>(SpotKeys.SpotPrices(slot), SpotSchema, cancellationToken));

    public Task<bool> WriteSpotPricesAsync(SlotTime slot, Feed<SpotQuote> feed, CancellationToken cancellationToken) =>
        WriteAsync(SpotKeys.SpotPrices(slot), SpotSchema, slot.Text, feed, cancellationToken);

    public async Task<Feed<OnDemandQuote>?> ReadOnDemandPricesAsync(DateOnly day, CancellationToken cancellationToken) =>
        Feed(await ReadAsync<OnDemandQuote>(SpotKeys.OnDemandPrices(day), OnDemandSchema, cancellationToken));

    public Task<bool> WriteOnDemandPricesAsync(DateOnly day, Feed<OnDemandQuote> feed, CancellationToken cancellationToken) =>
        WriteAsync(SpotKeys.OnDemandPrices(day), OnDemandSchema, Text(day), feed, cancellationToken);

    /// <summary>Prices of the slot's day, or those its own run could read.</summary>
    public async Task<Feed<OnDemandQuote>?> ReadOnDemandPricesOfAsync(SlotTime slot, CancellationToken cancellationToken) =>
        Feed(await ReadAsync<OnDemandQuote>(SpotKeys.PartialOnDemandPrices(slot), OnDemandSchema, cancellationToken))
        ?? await ReadOnDemandPricesAsync(slot.Day, cancellationToken);

    public Task<bool> WritePartialOnDemandPricesAsync(SlotTime slot, Feed<OnDemandQuote> feed, CancellationToken cancellationToken) =>
        WriteAsync(SpotKeys.PartialOnDemandPrices(slot), OnDemandSchema, slot.Text, feed, cancellationToken);

    public async Task<Workload?> ReadWorkloadAsync(DateOnly day, CancellationToken cancellationToken) =>
        await ReadAsync<PlacementQuery>(SpotKeys.Workload(day), WorkloadSchema, cancellationToken) is { } file
            ? new Workload(day, file.Rows)
            : null;

    public Task<bool> WriteWorkloadAsync(Workload workload, CancellationToken cancellationToken) =>
        WriteAsync(
            SpotKeys.Workload(workload.Day),
            WorkloadSchema,
            Text(workload.Day),
            new Feed<PlacementQuery>(workload.Queries, []),
            cancellationToken
        );

    private async Task<(RawHeader Header, List<TRow> Rows)?> ReadAsync<TRow>(
        string key,
        string schema,
        CancellationToken cancellationToken
    ) => await bucket.ReadAsync(key, cancellationToken) is { } found ? RawFile.Read<TRow>(found.Bytes, schema, key) : null;

    private Task<bool> WriteAsync<TRow>(string key, string schema, string time, Feed<TRow> feed, CancellationToken cancellationToken) =>
        bucket.TryCreateAsync(key, RawFile.Write(new RawHeader(schema, time, feed.Rows.Count, feed.Unknown), feed.Rows), cancellationToken);

    private static Feed<TRow>? Feed<TRow>((RawHeader Header, List<TRow> Rows)? file) =>
        file is { } read ? new Feed<TRow>(read.Rows, read.Header.Unknown) : null;

    private static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
}
