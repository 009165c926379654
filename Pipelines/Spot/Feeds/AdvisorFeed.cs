using System.Text.Json;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Feeds;

/// <summary>A source's answer is not in its published format.</summary>
public sealed class FeedUnreadableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The public Spot Advisor document: <c>spot_advisor → region → Linux → type → { r: 0..4, s }</c>.</summary>
public static class AdvisorFeed
{
    /// <summary>Reads interruption frequencies: range 0 (below 5 %) is 3.0, each worse range is 0.5 less. An unknown range makes its row
    /// unknown.</summary>
    /// <exception cref="FeedUnreadableException">It is not such a document: truncated, a web page, or without regions.</exception>
    public static Feed<InterruptionRate> Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (
                document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("spot_advisor", out JsonElement regions)
                || regions.ValueKind != JsonValueKind.Object
            )
                throw new FeedUnreadableException("The Spot Advisor's answer has no member spot_advisor.");
            List<InterruptionRate> rows = [];
            List<Unknown> unknown = [];
            foreach (JsonProperty region in regions.EnumerateObject())
            {
                if (!region.Value.TryGetProperty("Linux", out JsonElement types))
                    continue;
                foreach (JsonProperty type in types.EnumerateObject())
                {
                    if (type.Value.TryGetProperty("r", out JsonElement range) && range.TryGetInt32(out int index) && index is >= 0 and <= 4)
                        rows.Add(new InterruptionRate(type.Name, region.Name, 3 - (0.5 * index)));
                    else
                        unknown.Add(
                            new Unknown(
                                region.Name,
                                type.Name,
                                "The Spot Advisor gives range "
                                    + $"'{(range.ValueKind == JsonValueKind.Undefined ? "nothing" : range.ToString())}', known are 0 to 4."
                            )
                        );
                }
            }

            return rows.Count > 0
                ? new Feed<InterruptionRate>(rows, unknown)
                : throw new FeedUnreadableException("The Spot Advisor's answer has no row.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            string start = System.Text.Encoding.UTF8.GetString(json.Span[..Math.Min(60, json.Length)]).Replace('\n', ' ');
            throw new FeedUnreadableException(
                $"The Spot Advisor's answer of {json.Length} bytes is not its JSON; it begins '{start}'.",
                error
            );
        }
    }
}
