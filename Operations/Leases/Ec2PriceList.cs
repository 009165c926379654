using System.Globalization;
using System.Text.Json;
using Amazon.Pricing;
using Amazon.Pricing.Model;

namespace Durable.Operations.Leases;

/// <summary>On-demand Linux prices of EC2, shared tenancy, from the Price List API (permission <c>pricing:GetProducts</c>).</summary>
internal static class Ec2PriceList
{
    private static readonly (string Field, string Value)[] OnDemandLinux =
    [
        ("operatingSystem", "Linux"),
        ("tenancy", "Shared"),
        ("capacitystatus", "Used"),
        ("preInstalledSw", "NA"),
        ("marketoption", "OnDemand"),
    ];

    /// <summary>US dollars an hour by type, without types that the region does not offer.</summary>
    public static async Task<IReadOnlyDictionary<string, decimal>> ReadAsync(
        IAmazonPricing pricing,
        string region,
        IReadOnlyCollection<string> types,
        CancellationToken cancellationToken
    )
    {
        Dictionary<string, decimal> prices = [];
        foreach (string type in types)
        {
            GetProductsResponse found = await pricing.GetProductsAsync(
                new GetProductsRequest
                {
                    ServiceCode = "AmazonEC2",
                    FormatVersion = "aws_v1",
                    Filters =
                    [
                        .. OnDemandLinux
                            .Append(("instanceType", type))
                            .Append(("regionCode", region))
                            .Select(pair => new Filter
                            {
                                Type = FilterType.TERM_MATCH,
                                Field = pair.Item1,
                                Value = pair.Item2,
                            }),
                    ],
                },
                cancellationToken
            );
            decimal[] hourly = [.. (found.PriceList ?? []).SelectMany(Hourly)];
            if (hourly.Length > 0)
                prices[type] = hourly.Max();
        }

        return prices;
    }

    private static IEnumerable<decimal> Hourly(string product)
    {
        using JsonDocument document = JsonDocument.Parse(product);
        if (!document.RootElement.GetProperty("terms").TryGetProperty("OnDemand", out JsonElement terms))
            return [];
        return
        [
            .. from term in terms.EnumerateObject()
            from dimension in term.Value.GetProperty("priceDimensions").EnumerateObject()
            where dimension.Value.GetProperty("unit").GetString() == "Hrs"
            let text = dimension.Value.GetProperty("pricePerUnit").TryGetProperty("USD", out JsonElement usd) ? usd.GetString() : null
            where decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out _)
            let price = decimal.Parse(text, CultureInfo.InvariantCulture)
            where price > 0
            select price,
        ];
    }
}
