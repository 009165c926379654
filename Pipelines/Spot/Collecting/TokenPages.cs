using Durable.Pipelines.Spot.Feeds;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>Reads all pages.</summary>
internal static class TokenPages
{
    /// <exception cref="FeedUnreadableException">A page token repeats: reading would never end.</exception>
    public static async Task ReadAsync(Func<string?, Task<string?>> readPage)
    {
        HashSet<string> met = [];
        string? token = null;
        while (true)
        {
            token = await readPage(token);
            if (string.IsNullOrEmpty(token))
                return;
            if (!met.Add(token))
                throw new FeedUnreadableException($"Page {met.Count} repeats a page token that was there before.");
        }
    }
}
