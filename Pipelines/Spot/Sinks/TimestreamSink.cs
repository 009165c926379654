using System.Globalization;
using Amazon.TimestreamWrite;
using Amazon.TimestreamWrite.Model;
using Durable.Pipelines.Spot.Collecting;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;

namespace Durable.Pipelines.Spot.Sinks;

/// <summary>A target of a staged delta besides PostgreSQL, before the commit.</summary>
public interface ISpotSink
{
    string Name { get; }

    bool IsOn { get; }

    /// <summary>Sends a delta. Safe to repeat with the same delta: the dead letters are those of the last attempt.</summary>
    /// <returns>Records that the sink refused for good; they are kept as dead letters.</returns>
    Task<int> SendAsync(SlotTime slot, IReadOnlyList<MarketChange> changes, CancellationToken cancellationToken = default);
}

/// <summary>Amazon Timestream: one multi-measure record per change. The on-demand price is a measure: as a dimension it would start a new
/// series at each price.</summary>
public sealed class TimestreamSink(
    IAmazonTimestreamWrite timestream,
    SpotBucket bucket,
    SpotOptions options,
    Patience patience,
    TimeProvider clock
) : ISpotSink
{
    private const int RecordsPerCall = 100,
        TriesOfARecord = 4;

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5),
        Pause = TimeSpan.FromMilliseconds(200);

    public string Name => "timestream";

    public bool IsOn => options.TimestreamDatabase.Length > 0;

    public async Task<int> SendAsync(SlotTime slot, IReadOnlyList<MarketChange> changes, CancellationToken cancellationToken = default)
    {
        DateTime deadline = clock.GetUtcNow().UtcDateTime + Longest;
        List<MarketChange>[] refused = new List<MarketChange>[(changes.Count + RecordsPerCall - 1) / RecordsPerCall];
        await Parallel.ForAsync(
            0,
            refused.Length,
            new ParallelOptions { MaxDegreeOfParallelism = options.CallsAtOnce, CancellationToken = cancellationToken },
            async (batch, cancellation) =>
                refused[batch] = await SendBatchAsync(
                    [.. changes.Skip(batch * RecordsPerCall).Take(RecordsPerCall)],
                    deadline,
                    cancellation
                )
        );
        MarketChange[] dead = [.. refused.SelectMany(batch => batch)];
        string letters = SpotKeys.DeadLetters(slot, Name);
        if (dead.Length > 0)
            await bucket.WriteAsync(
                letters,
                RawFile.Write(new RawHeader(MarketChange.Schema, slot.Text, dead.Length, []), dead),
                cancellationToken
            );
        else
            await bucket.DeleteAsync(letters, cancellationToken); // of an attempt before this one
        return dead.Length;
    }

    /// <summary>Sends until each record is accepted or was refused <see cref="TriesOfARecord"/> times; resends only refused ones.</summary>
    private async Task<List<MarketChange>> SendBatchAsync(
        List<MarketChange> batch,
        DateTime deadlineUtc,
        CancellationToken cancellationToken
    )
    {
        for (int attempt = 1; batch.Count > 0; attempt++)
        {
            try
            {
                await patience.CallAsync(
                    () =>
                        timestream.WriteRecordsAsync(
                            new WriteRecordsRequest
                            {
                                DatabaseName = options.TimestreamDatabase,
                                TableName = options.TimestreamTable,
                                Records = [.. batch.Select(Record)],
                            },
                            cancellationToken
                        ),
                    deadlineUtc,
                    cancellationToken
                );
                return [];
            }
            catch (RejectedRecordsException rejected)
            {
                // A refusal without record indices counts for all: resending accepted records has no effect.
                HashSet<int> indices = [.. (rejected.RejectedRecords ?? []).Select(record => record.RecordIndex ?? -1)];
                if (indices.Count > 0 && indices.All(index => index >= 0 && index < batch.Count))
                    batch = [.. batch.Where((_, index) => indices.Contains(index))];
                if (attempt == TriesOfARecord)
                    return batch;
                await Task.Delay(Pause * attempt, clock, cancellationToken);
            }
        }

        return batch;
    }

    private static Amazon.TimestreamWrite.Model.Record Record(MarketChange change)
    {
        List<Dimension> dimensions =
        [
            Dimension("InstanceType", change.InstanceType),
            Dimension("Region", change.Region),
            Dimension("AZ", change.Zone),
        ];
        if (change.Ceased)
            dimensions.Add(Dimension("Ceased", "True"));
        return new Amazon.TimestreamWrite.Model.Record
        {
            Dimensions = dimensions,
            MeasureName = "aws_values",
            MeasureValueType = MeasureValueType.MULTI,
            TimeUnit = TimeUnit.MILLISECONDS,
            Time = new DateTimeOffset(SlotTime.Parse(change.At).Utc).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
            MeasureValues =
            [
                Measure("SPS", change.Score, MeasureValueType.BIGINT),
                Measure("T3", change.T3, MeasureValueType.BIGINT),
                Measure("T2", change.T2, MeasureValueType.BIGINT),
                Measure("IF", change.Interruption, MeasureValueType.DOUBLE),
                Measure("SpotPrice", change.SpotPrice, MeasureValueType.DOUBLE),
                Measure("OndemandPrice", change.OnDemandPrice, MeasureValueType.DOUBLE),
            ],
        };
    }

    private static Dimension Dimension(string name, string value) =>
        new()
        {
            Name = name,
            Value = value,
            DimensionValueType = DimensionValueType.VARCHAR,
        };

    private static MeasureValue Measure(string name, IFormattable value, MeasureValueType type) =>
        new()
        {
            Name = name,
            Value = value.ToString(null, CultureInfo.InvariantCulture),
            Type = type,
        };
}
