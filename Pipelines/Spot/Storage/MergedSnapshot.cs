using Durable.Pipelines.Spot.Model;
using ParquetSharp;
using ParquetSharp.IO;

namespace Durable.Pipelines.Spot.Storage;

/// <summary>The market as of a slot, as Parquet with the original's columns.</summary>
public static class MergedSnapshot
{
    public static byte[] Write(SlotTime slot, IReadOnlyDictionary<MarketKey, Quote> rows)
    {
        Column[] columns =
        [
            new Column<DateTime>("Time", LogicalType.Timestamp(isAdjustedToUtc: true, TimeUnit.Millis)),
            new Column<string>("InstanceType"),
            new Column<string>("Region"),
            new Column<string>("AZ"),
            new Column<int>("SPS"),
            new Column<int>("T3"),
            new Column<int>("T2"),
            new Column<double>("IF"),
            new Column<double>("OndemandPrice"),
            new Column<double>("SpotPrice"),
            new Column<int>("Savings"),
        ];
        using MemoryStream bytes = new();
        using (ManagedOutputStream output = new(bytes, leaveOpen: true))
        using (ParquetFileWriter file = new(output, columns, Compression.Zstd))
        {
            using RowGroupWriter group = file.AppendRowGroup();
            Next(group, rows, _ => slot.Utc);
            Next(group, rows, row => row.Key.InstanceType);
            Next(group, rows, row => row.Key.Region);
            Next(group, rows, row => row.Key.Zone);
            Next(group, rows, row => row.Value.Score);
            Next(group, rows, row => row.Value.T3);
            Next(group, rows, row => row.Value.T2);
            Next(group, rows, row => row.Value.Interruption);
            Next(group, rows, row => row.Value.OnDemandPrice);
            Next(group, rows, row => row.Value.SpotPrice);
            Next(group, rows, row => row.Value.Savings);
            file.Close();
        }

        return bytes.ToArray();
    }

    private static void Next<T>(
        RowGroupWriter group,
        IReadOnlyDictionary<MarketKey, Quote> rows,
        Func<KeyValuePair<MarketKey, Quote>, T> value
    )
    {
        using LogicalColumnWriter<T> column = group.NextColumn().LogicalWriter<T>();
        column.WriteBatch([.. rows.Select(value)]);
    }
}
