using System.Collections.Concurrent;
using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.Runtime;
using Durable.Pipelines.Spot.Model;
using Durable.Pipelines.Spot.Packing;

namespace Durable.Pipelines.Spot.Collecting;

/// <summary>Reads which zones offer which types.</summary>
public sealed class OfferingCollector(ISpotAccounts accounts, SpotOptions options, Patience patience)
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(4);

    /// <summary>Offerings of all wanted regions. A region that fails is unknown.</summary>
    /// <exception cref="AmazonServiceException">The list of regions cannot be read.</exception>
    public async Task<Feed<Offering>> CollectAsync(DateTime nowUtc, CancellationToken cancellationToken)
    {
        string account = options.AccountPool[0];
        DateTime deadline = nowUtc + Longest;
        IReadOnlyList<string> regions =
            options.RegionList.Count > 0 ? options.RegionList : await RegionsAsync(account, deadline, cancellationToken);
        ConcurrentBag<Offering> rows = [];
        ConcurrentBag<Unknown> unknown = [];
        await Parallel.ForEachAsync(
            regions,
            new ParallelOptions { MaxDegreeOfParallelism = options.CallsAtOnce, CancellationToken = cancellationToken },
            async (region, cancellation) =>
            {
                try
                {
                    foreach (Offering offering in await RegionAsync(account, region, deadline, cancellation))
                        rows.Add(offering);
                }
                catch (Exception error) when (!cancellation.IsCancellationRequested && error is not OutOfMemoryException)
                {
                    unknown.Add(
                        new Unknown(
                            region,
                            null,
                            Durable.Postgres.Redaction.Redact(
                                error is AmazonServiceException service ? service.ErrorCode ?? service.Message : error.Message
                            )
                        )
                    );
                }
            }
        );
        return new Feed<Offering>(
            [.. rows.OrderBy(row => row.InstanceType, StringComparer.Ordinal).ThenBy(row => row.Region, StringComparer.Ordinal)],
            [.. unknown.OrderBy(place => place.Region, StringComparer.Ordinal)]
        );
    }

    private async Task<IReadOnlyList<string>> RegionsAsync(string account, DateTime deadline, CancellationToken cancellationToken)
    {
        DescribeRegionsResponse answer = await patience.CallAsync(
            () => accounts.Ec2(account).DescribeRegionsAsync(new DescribeRegionsRequest { AllRegions = false }, cancellationToken),
            deadline,
            cancellationToken
        );
        return [.. (answer.Regions ?? []).Select(region => region.RegionName).Order(StringComparer.Ordinal)];
    }

    private async Task<IEnumerable<Offering>> RegionAsync(
        string account,
        string region,
        DateTime deadline,
        CancellationToken cancellationToken
    )
    {
        Dictionary<string, HashSet<string>> zones = [];
        IAmazonEC2 ec2 = accounts.Ec2(account, region);
        await TokenPages.ReadAsync(async token =>
        {
            DescribeInstanceTypeOfferingsResponse page = await patience.CallAsync(
                () =>
                    ec2.DescribeInstanceTypeOfferingsAsync(
                        new DescribeInstanceTypeOfferingsRequest { LocationType = LocationType.AvailabilityZone, NextToken = token },
                        cancellationToken
                    ),
                deadline,
                cancellationToken
            );
            foreach (InstanceTypeOffering offering in page.InstanceTypeOfferings ?? [])
            {
                string type = offering.InstanceType.Value;
                if (!options.Wants(type))
                    continue;
                if (!zones.TryGetValue(type, out HashSet<string>? known))
                    zones[type] = known = new(StringComparer.Ordinal);
                known.Add(offering.Location);
            }

            return page.NextToken;
        });
        return zones.Select(type => new Offering(type.Key, region, type.Value.Count));
    }
}
