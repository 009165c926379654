using Durable.Pipelines.Spot.Feeds;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>Reads the Spot Advisor's public document.</summary>
public sealed class AdvisorCollector(HttpClient http, SpotOptions options, Patience patience)
{
    /// <summary>All rows of wanted types, or unknown everywhere with the reason: a web page instead of the document is not an empty
    /// document.</summary>
    public async Task<Feed<InterruptionRate>> CollectAsync(DateTime deadlineUtc, CancellationToken cancellationToken)
    {
        try
        {
            byte[] answer = await patience.CallAsync(
                () => http.GetByteArrayAsync(new Uri(options.AdvisorUrl), cancellationToken),
                deadlineUtc,
                cancellationToken
            );
            Feed<InterruptionRate> feed = AdvisorFeed.Parse(answer);
            return new Feed<InterruptionRate>(
                [.. feed.Rows.Where(row => options.Wants(row.InstanceType))],
                [.. feed.Unknown.Where(place => options.Wants(place.InstanceType ?? ""))]
            );
        }
        catch (Exception error)
            when (!cancellationToken.IsCancellationRequested
                && error is HttpRequestException or FeedUnreadableException or TaskCanceledException or IOException
            )
        {
            return new Feed<InterruptionRate>([], [new Unknown(null, null, error.Message)]);
        }
    }
}
