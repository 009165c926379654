using Amazon.EC2.Model;
using Amazon.Pricing;
using Amazon.Pricing.Model;
using Amazon.Runtime;
using Durable.Pipelines.Spot.Feeds;
using Durable.Pipelines.Spot.Model;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>Reads spot and on-demand prices, region by region. A region that fails is unknown; the others count.</summary>
public sealed class PriceCollector(ISpotAccounts accounts, IAmazonPricing priceList, SpotOptions options, Patience patience)
{
    /// <summary>Spot prices at a time: the history keeps them, so a late call reads the same.</summary>
    public Task<Feed<SpotQuote>> SpotAsync(
        IReadOnlyList<string> regions,
        DateTime atUtc,
        DateTime deadlineUtc,
        CancellationToken cancellationToken
    ) => EachAsync(regions, (region, cancellation) => SpotAsync(region, atUtc, deadlineUtc, cancellation), cancellationToken);

    /// <summary>On-demand prices of Linux machines.</summary>
    public Task<Feed<OnDemandQuote>> OnDemandAsync(
        IReadOnlyList<string> regions,
        DateTime deadlineUtc,
        CancellationToken cancellationToken
    ) => EachAsync(regions, (region, cancellation) => OnDemandAsync(region, deadlineUtc, cancellation), cancellationToken);

    private async Task<List<SpotQuote>> SpotAsync(string region, DateTime atUtc, DateTime deadlineUtc, CancellationToken cancellationToken)
    {
        Amazon.EC2.IAmazonEC2 ec2 = accounts.Ec2(options.AccountPool[0], region);
        DescribeAvailabilityZonesResponse zones = await patience.CallAsync(
            () => ec2.DescribeAvailabilityZonesAsync(new DescribeAvailabilityZonesRequest(), cancellationToken),
            deadlineUtc,
            cancellationToken
        );
        Dictionary<string, string> ids = (zones.AvailabilityZones ?? []).ToDictionary(zone => zone.ZoneName, zone => zone.ZoneId);
        Dictionary<TypeInZone, (DateTime At, double Price)> newest = [];
        await TokenPages.ReadAsync(async token =>
        {
            DescribeSpotPriceHistoryResponse page = await patience.CallAsync(
                () =>
                    ec2.DescribeSpotPriceHistoryAsync(
                        new DescribeSpotPriceHistoryRequest
                        {
                            StartTime = atUtc.AddMicroseconds(-1),
                            EndTime = atUtc,
                            ProductDescriptions = [SpotPriceFeed.Linux],
                            MaxResults = 1000,
                            NextToken = token,
                        },
                        cancellationToken
                    ),
                deadlineUtc,
                cancellationToken
            );
            foreach (SpotPrice entry in page.SpotPriceHistory ?? [])
            {
                string type = entry.InstanceType?.Value ?? "";
                if (
                    entry.ProductDescription?.Value != SpotPriceFeed.Linux
                    || !options.Wants(type)
                    || !ids.TryGetValue(entry.AvailabilityZone ?? "", out string? zone)
                )
                    continue;
                if (!SpotPriceFeed.TryPrice(entry.Price, out double price))
                    continue;
                TypeInZone key = new(type, zone);
                DateTime at = entry.Timestamp ?? DateTime.MinValue;
                if (!newest.TryGetValue(key, out (DateTime At, double Price) known) || at > known.At)
                    newest[key] = (at, price);
            }

            return page.NextToken;
        });
        return
        [
            .. newest
                .Select(pair => new SpotQuote(pair.Key.InstanceType, pair.Key.Zone, pair.Value.Price))
                .OrderBy(row => row.InstanceType, StringComparer.Ordinal)
                .ThenBy(row => row.Zone, StringComparer.Ordinal),
        ];
    }

    private async Task<List<OnDemandQuote>> OnDemandAsync(string region, DateTime deadlineUtc, CancellationToken cancellationToken)
    {
        Dictionary<string, OnDemandQuote> rows = [];
        List<Amazon.Pricing.Model.Filter> filters =
        [
            .. new (string Field, string Value)[]
            {
                ("regionCode", region),
                ("capacitystatus", "Used"),
                ("tenancy", "Shared"),
                ("operatingSystem", "Linux"),
                ("preInstalledSw", "NA"),
                ("licenseModel", "No License required"),
            }.Select(filter => new Amazon.Pricing.Model.Filter
            {
                Type = FilterType.TERM_MATCH,
                Field = filter.Field,
                Value = filter.Value,
            }),
        ];
        await TokenPages.ReadAsync(async token =>
        {
            GetProductsResponse page = await patience.CallAsync(
                () =>
                    priceList.GetProductsAsync(
                        new GetProductsRequest
                        {
                            ServiceCode = "AmazonEC2",
                            Filters = filters,
                            FormatVersion = "aws_v1",
                            MaxResults = 100,
                            NextToken = token,
                        },
                        cancellationToken
                    ),
                deadlineUtc,
                cancellationToken
            );
            foreach (OnDemandQuote quote in (page.PriceList ?? []).Select(PriceListFeed.Parse).OfType<OnDemandQuote>())
            {
                if (quote.Region == region && options.Wants(quote.InstanceType))
                    rows.TryAdd(quote.InstanceType, quote);
            }

            return page.NextToken;
        });
        return [.. rows.Values.OrderBy(row => row.InstanceType, StringComparer.Ordinal)];
    }

    private async Task<Feed<TRow>> EachAsync<TRow>(
        IReadOnlyList<string> regions,
        Func<string, CancellationToken, Task<List<TRow>>> read,
        CancellationToken cancellationToken
    )
    {
        (List<TRow> Rows, Unknown? Unknown)[] found = new (List<TRow>, Unknown?)[regions.Count];
        await Parallel.ForAsync(
            0,
            regions.Count,
            new ParallelOptions { MaxDegreeOfParallelism = options.CallsAtOnce, CancellationToken = cancellationToken },
            async (number, cancellation) =>
            {
                try
                {
                    found[number] = (await read(regions[number], cancellation), null);
                }
                catch (Exception error) when (!cancellation.IsCancellationRequested && error is not OutOfMemoryException)
                {
                    string reason = error is AmazonServiceException service ? service.ErrorCode ?? service.Message : error.Message;
                    found[number] = ([], new Unknown(regions[number], null, Durable.Postgres.Redaction.Redact(reason)));
                }
            }
        );
        return new Feed<TRow>([.. found.SelectMany(region => region.Rows)], [.. found.Select(region => region.Unknown).OfType<Unknown>()]);
    }
}
