using System.Text.Json;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Storage;

/// <summary><c>latest_aws.json</c> and the query selector, with the fields their readers expect.</summary>
public static class LatestFile
{
    /// <summary>A JSON array of records, id from 1, by key.</summary>
    public static byte[] Write(SlotTime slot, IReadOnlyDictionary<MarketKey, Quote> rows)
    {
        string time = slot.Utc.ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);
        return WriteArray(
            rows.OrderBy(row => row.Key.InstanceType, StringComparer.Ordinal)
                .ThenBy(row => row.Key.Region, StringComparer.Ordinal)
                .ThenBy(row => row.Key.Zone, StringComparer.Ordinal),
            (writer, row, id) =>
            {
                writer.WriteNumber("id", id);
                WriteKey(writer, row.Key);
                writer.WriteNumber("SPS", row.Value.Score);
                writer.WriteNumber("T3", row.Value.T3);
                writer.WriteNumber("T2", row.Value.T2);
                writer.WriteNumber("IF", row.Value.Interruption);
                writer.WriteNumber("OndemandPrice", row.Value.OnDemandPrice);
                writer.WriteNumber("SpotPrice", row.Value.SpotPrice);
                writer.WriteNumber("Savings", row.Value.Savings);
                writer.WriteString("Time", time);
            }
        );
    }

    public static byte[] WriteSelector(IEnumerable<MarketKey> keys) => WriteArray(keys, (writer, key, _) => WriteKey(writer, key));

    private static void WriteKey(Utf8JsonWriter writer, MarketKey key)
    {
        writer.WriteString("InstanceType", key.InstanceType);
        writer.WriteString("Region", key.Region);
        writer.WriteString("AZ", key.Zone);
    }

    private static byte[] WriteArray<T>(IEnumerable<T> items, Action<Utf8JsonWriter, T, int> write)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter writer = new(bytes))
        {
            writer.WriteStartArray();
            int id = 0;
            foreach (T item in items)
            {
                writer.WriteStartObject();
                write(writer, item, ++id);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return bytes.ToArray();
    }
}
