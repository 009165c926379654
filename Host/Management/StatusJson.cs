using System.Globalization;
using System.Text.Json;
using Durable.Host.History;
using Durable.Host.Store;

namespace Durable.Host.Management;

/// <summary>The status of an instance as the API shows it.</summary>
internal static class StatusJson
{
    /// <summary>Writes the status; the history only on request.</summary>
    public static void Write(
        Utf8JsonWriter json,
        InstanceRecord instance,
        bool showInput,
        IReadOnlyList<HistoryEvent>? history = null,
        bool showHistoryOutput = false
    )
    {
        json.WriteStartObject();
        json.WriteString("name", instance.Name);
        json.WriteString("instanceId", instance.InstanceId);
        if (instance.ParentInstanceId is { } parent)
            json.WriteString("parentInstanceId", parent);
        json.WriteString("runtimeStatus", instance.Status.ToString());
        json.WriteStored("input", showInput ? instance.Input : null);
        json.WriteStored("customStatus", instance.CustomStatus);
        json.WriteStored("output", instance.Output);
        json.WriteString("createdTime", Seconds(instance.CreatedAt));
        json.WriteString("lastUpdatedTime", Seconds(instance.UpdatedAt));
        if (history is not null)
        {
            json.WritePropertyName("historyEvents");
            HistoryJson.Write(json, history, showHistoryOutput);
        }

        json.WriteEndObject();
    }

    private static string Seconds(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
