using System.Collections.Concurrent;
using System.Globalization;

namespace Durable.Operations.Leases;

/// <summary>Price of one machine hour.</summary>
/// <param name="Source">Source and date of the price; kept with the lease.</param>
public sealed record HourlyPrice(decimal Usd, string Source);

/// <summary>
/// Hourly prices: the provider's price list, read once a day per type, and the configured ones (<c>CostGuard__HourlyPrices</c>) where it
/// has none or does not answer. A lease never waits long for the list.
/// </summary>
internal sealed class HourlyPrices(CostGuardOptions options)
{
    private static readonly TimeSpan LongestCall = TimeSpan.FromSeconds(10),
        Fresh = TimeSpan.FromHours(24),
        Usable = TimeSpan.FromDays(30),
        AskAgain = TimeSpan.FromMinutes(10);

    private readonly IReadOnlyDictionary<string, decimal> configured = options.Prices();
    private readonly ConcurrentDictionary<(string Kind, string Type), (decimal Usd, DateTime Read)> listed = new();
    private DateTime silentUntil;

    /// <summary>Prices by type, without types that have none.</summary>
    public async Task<IReadOnlyDictionary<string, HourlyPrice>> OfAsync(
        IPaidMachines provider,
        IEnumerable<string> types,
        CancellationToken cancellationToken
    )
    {
        string[] wanted = [.. types.Where(type => type.Length > 0).Distinct(StringComparer.Ordinal)];
        string[] stale =
        [
            .. wanted.Where(type => !listed.TryGetValue((provider.Kind, type), out var known) || DateTime.UtcNow - known.Read > Fresh),
        ];
        if (options.PriceList == CostGuardOptions.FromProvider && stale.Length > 0 && DateTime.UtcNow >= silentUntil)
            await AskAsync(provider, stale, cancellationToken);

        Dictionary<string, HourlyPrice> prices = [];
        foreach (string type in wanted)
        {
            if (listed.TryGetValue((provider.Kind, type), out (decimal Usd, DateTime Read) price) && DateTime.UtcNow - price.Read <= Usable)
                prices[type] = new HourlyPrice(
                    price.Usd,
                    string.Create(CultureInfo.InvariantCulture, $"price list, read {price.Read:yyyy-MM-dd HH:mm}Z")
                );
            else if (configured.TryGetValue(type, out decimal usd) || configured.TryGetValue("*", out usd))
                prices[type] = new HourlyPrice(usd, $"configured, as of {options.HourlyPricesAsOf}");
        }

        return prices;
    }

    private async Task AskAsync(IPaidMachines provider, IReadOnlyList<string> types, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(LongestCall);
        try
        {
            foreach ((string type, decimal usd) in await provider.ListPricesAsync(types, limit.Token))
                listed[(provider.Kind, type)] = (usd, DateTime.UtcNow);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // No permission or no answer: the configured prices guard the run instead, and the lease records that.
            silentUntil = DateTime.UtcNow + AskAgain;
        }
    }
}
