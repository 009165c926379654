using System.Globalization;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Storage;
using Durable.Pipelines.Spot.Tables;
using Microsoft.Azure.Functions.Worker;

namespace Durable.Activities.Spot;

/// <summary>Writes <c>latest_aws.json</c> and the query selector from what is committed. Never backwards: an object of a newer slot stays.
/// Safe to run twice and concurrently.</summary>
/// <returns>False when a newer one exists.</returns>
public sealed class PublishLatest(MarketHistory history, SpotBucket bucket)
{
    private const string SlotName = "slot";

    [Function(nameof(PublishLatest))]
    public async Task<bool> RunAsync([ActivityTrigger] string slotText, CancellationToken cancellationToken)
    {
        for (int attempt = 0; attempt < 5; attempt++)
        {
            // Read first: a publication after this read makes the write below fail.
            StoredObject? latest = await bucket.ReadAsync(SpotKeys.Latest, cancellationToken);
            (SlotTime slot, Dictionary<MarketKey, Quote> rows) = await history.ReadCommittedAsync(cancellationToken);
            if (
                latest is not null
                && latest.Metadata.TryGetValue(SlotName, out string? published)
                && SlotTime.TryParse(published, out SlotTime there)
                && there >= slot
            )
                return false;
            if (
                !await bucket.TryReplaceAsync(
                    SpotKeys.Latest,
                    LatestFile.Write(slot, rows),
                    latest?.ETag,
                    new Dictionary<string, string> { [SlotName] = slot.Text },
                    "application/json",
                    cancellationToken
                )
            )
                continue;
            await bucket.WriteAsync(
                SpotKeys.Selector,
                LatestFile.WriteSelector(await history.ReadKeysAsync(cancellationToken)),
                cancellationToken
            );
            return true;
        }

        throw new IOException(
            string.Create(CultureInfo.InvariantCulture, $"Other writers of {SpotKeys.Latest} were faster, five times in a row.")
        );
    }
}
